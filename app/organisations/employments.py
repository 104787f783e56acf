"""An employment as values: what a request or a row of a file makes of it, and what is wrong with the result."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from app.organisations import sealing
from app.organisations.employee_queries import TYPES
from app.organisations.people_schemas import ClosedPeriod, EmployeeCreate, EmployeeRead, EmployeeUpdate, Status

Values = dict[str, Any]
Problem = tuple[str, str, str]
PLAIN = frozenset(TYPES) - {"sealed_fiscal_code", "fiscal_code_index", "unpaid_leave"}


def created(data: EmployeeCreate, employee_id: UUID) -> Values:
    """Return the values of a new row."""
    return {
        "id": employee_id,
        **{name: getattr(data, name) for name in PLAIN},
        "sealed_fiscal_code": sealing.seal_fiscal_code(data.fiscal_code, employee_id),
        "fiscal_code_index": sealing.fiscal_code_index(data.fiscal_code),
        "unpaid_leave": _leave(data.unpaid_leave),
    }


def merged(row: Any, data: EmployeeCreate | EmployeeUpdate) -> Values:  # noqa: ANN401 - a row
    """Return the values of an existing row with what was given put over it; absent keeps."""
    values = stored(row)
    given = data.model_fields_set
    values |= {name: getattr(data, name) for name in PLAIN & given}
    if "unpaid_leave" in given:
        values["unpaid_leave"] = _leave(data.unpaid_leave)
    if "fiscal_code" in given and sealing.fiscal_code_index(data.fiscal_code) != bytes(row.fiscal_code_index):
        values["sealed_fiscal_code"] = sealing.seal_fiscal_code(data.fiscal_code, row.id)
        values["fiscal_code_index"] = sealing.fiscal_code_index(data.fiscal_code)
    return values


def stored(row: Any) -> Values:  # noqa: ANN401 - a row
    values = {"id": row.id, **{name: getattr(row, name) for name in TYPES}}
    values["sealed_fiscal_code"] = bytes(row.sealed_fiscal_code)
    values["fiscal_code_index"] = bytes(row.fiscal_code_index)
    values["unpaid_leave"] = _periods((item["from"], item["to"]) for item in row.unpaid_leave)
    return values


def problems(values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the dates: field, code, detail."""
    hired_on: date = values["hired_on"]
    found: list[Problem] = [
        (name, "before_hiring", "must not be before hired_on")
        for name in ("ended_on", "contract_ends_on", "probation_ends_on")
        if values[name] is not None and values[name] < hired_on
    ]
    if any(item["to"] < item["from"] for item in json.loads(values["unpaid_leave"])):
        found.append(("unpaid_leave", "period", "a period must not end before it begins"))
    return found


def status_of(row: Any) -> Status:  # noqa: ANN401 - a row
    if row.user_id is not None:
        return "active"
    return "invited" if row.email is not None else "not_invited"


def read(row: Any) -> EmployeeRead:  # noqa: ANN401 - a row
    """Return what HR sees; after activation there is no address left to show (`contact_is_the_persons`)."""
    return EmployeeRead.model_validate(
        {
            "id": row.id,
            "status": status_of(row),
            "fiscal_code": sealing.open_fiscal_code(row.sealed_fiscal_code, row.id),
            "unpaid_leave": row.unpaid_leave,
            **{name: getattr(row, name) for name in PLAIN},
        }
    )


def _leave(periods: Iterable[ClosedPeriod]) -> str:
    return _periods((period.start.isoformat(), period.end.isoformat()) for period in periods)


def _periods(pairs: Iterable[tuple[str, str]]) -> str:
    return json.dumps([{"from": start, "to": end} for start, end in pairs])
