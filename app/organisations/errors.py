"""Refusals of organisations, employments and beneficiaries."""

from app.errors import AppError


class TaxCodeTaken(AppError, status=409, code="tax_code_taken", constraints=("organisation_tax_code_key",)):
    """An organisation with this tax code exists already."""


class NameTaken(AppError, status=409, code="name_taken", constraints=("network_name_key", "alliance_name_key")):
    """This name is in use already."""


class AlreadyMember(AppError, status=409, code="already_member", constraints=("alliance_membership_live_key",)):
    """The organisation has this role in the alliance already."""


class EmployeeExists(
    AppError,
    status=409,
    code="employee_exists",
    constraints=("employee_employed_once_key", "employee_same_hiring_key"),
):
    """The company has an employee with this fiscal code already."""


class ExternalIdTaken(AppError, status=409, code="external_id_taken", constraints=("employee_external_id_key",)):
    """The company has an employee with this external id already."""


class LoginDiffers(AppError, status=409, code="login_differs"):
    """This person has a login here already: accept the invitation with it."""


class LastAdministrator(AppError, status=409, code="last_administrator"):
    """You are the last one who keeps this organisation's members: appoint another administrator first."""


class SelfExists(AppError, status=409, code="self_exists", constraints=("beneficiary_self_key",)):
    """The person is a beneficiary already."""
