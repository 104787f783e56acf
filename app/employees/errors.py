"""Refusals of employments."""

from app.errors import AppError


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
