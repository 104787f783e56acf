"""What a request or a row of a file makes of an employment, and what is wrong with the result. Pure decisions."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from uuid import UUID

from app import sealing
from app.employees.queries import EmployeeRow, Leave
from app.employees.schemas import ClosedPeriod, EmployeeCreate, EmployeeUpdate

Problem = tuple[str, str, str]


def is_employed(hired_on: date, ended_on: date | None, on_day: date) -> bool:
    """Whether an employment counts on a day, both ends included; the SQL function of the same name is compared."""
    return hired_on <= on_day and (ended_on is None or ended_on >= on_day)


def created(data: EmployeeCreate, employee_id: UUID) -> EmployeeRow:
    """Return the row of a new employment."""
    return EmployeeRow(
        id=employee_id,
        user_id=None,
        email=data.email,
        given_name=data.given_name,
        family_name=data.family_name,
        sealed_fiscal_code=sealing.seal_fiscal_code(data.fiscal_code, employee_id),
        fiscal_code_index=sealing.fiscal_code_index(data.fiscal_code),
        external_id=data.external_id,
        category=data.category,
        hired_on=data.hired_on,
        ended_on=data.ended_on,
        contract=data.contract,
        contract_ends_on=data.contract_ends_on,
        probation_ends_on=data.probation_ends_on,
        unpaid_leave=_leave(data.unpaid_leave),
        agreement_code=data.agreement_code,
        version=1,
    )


def merged(row: EmployeeRow, data: EmployeeCreate | EmployeeUpdate) -> EmployeeRow:
    """Return the row with what was given put over it; absent keeps."""
    given = data.model_fields_set
    changed = replace(
        row,
        email=data.email if "email" in given else row.email,
        given_name=data.given_name if "given_name" in given else row.given_name,
        family_name=data.family_name if "family_name" in given else row.family_name,
        external_id=data.external_id if "external_id" in given else row.external_id,
        category=data.category if "category" in given else row.category,
        hired_on=data.hired_on if "hired_on" in given else row.hired_on,
        ended_on=data.ended_on if "ended_on" in given else row.ended_on,
        contract=data.contract if "contract" in given else row.contract,
        contract_ends_on=data.contract_ends_on if "contract_ends_on" in given else row.contract_ends_on,
        probation_ends_on=data.probation_ends_on if "probation_ends_on" in given else row.probation_ends_on,
        unpaid_leave=_leave(data.unpaid_leave) if "unpaid_leave" in given else row.unpaid_leave,
        agreement_code=data.agreement_code if "agreement_code" in given else row.agreement_code,
    )
    if "fiscal_code" not in given or sealing.fiscal_code_index(data.fiscal_code) == row.fiscal_code_index:
        return changed
    return replace(
        changed,
        sealed_fiscal_code=sealing.seal_fiscal_code(data.fiscal_code, row.id),
        fiscal_code_index=sealing.fiscal_code_index(data.fiscal_code),
    )


def problems(row: EmployeeRow) -> list[Problem]:
    """Return what is wrong with the dates: field, code, detail."""
    days = (
        ("ended_on", row.ended_on),
        ("contract_ends_on", row.contract_ends_on),
        ("probation_ends_on", row.probation_ends_on),
    )
    found: list[Problem] = [
        (name, "before_hiring", "must not be before hired_on")
        for name, day in days
        if day is not None and day < row.hired_on
    ]
    if any(leave.end < leave.start for leave in row.unpaid_leave):
        found.append(("unpaid_leave", "period", "a period must not end before it begins"))
    return found


def _leave(periods: Iterable[ClosedPeriod]) -> tuple[Leave, ...]:
    return tuple(Leave(period.start, period.end) for period in periods)
