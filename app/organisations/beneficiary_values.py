"""A beneficiary as values: what a request makes of it, and what is wrong with the result. Pure decisions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app.banking.fiscal_codes import is_born_on
from app.organisations import sealing
from app.organisations.people_schemas import BeneficiaryCreate, BeneficiaryRead, BeneficiaryUpdate, Certificate, Period

Values = dict[str, Any]
Problem = tuple[str, str, str]
PLAIN = ("relation", "given_name", "family_name", "birth_date", "fiscal_code", "phone", "access_notes")
ADDRESS = ("street", "postcode", "istat_code")
YOUNGER = frozenset({"child", "grandchild"})
OLDER = frozenset({"parent", "grandparent"})


def created(data: BeneficiaryCreate) -> Values:
    return merged({}, data, [*PLAIN, "address", "cohabitation", "maintained", "dependent_years", "certificates"])


def changed(row: Any, data: BeneficiaryUpdate) -> Values:  # noqa: ANN401 - a row
    """Return the row's values with what was given put over them; absent keeps."""
    return merged(stored(row), data, data.model_fields_set)


def merged(values: Values, data: BeneficiaryCreate | BeneficiaryUpdate, given: Iterable[str]) -> Values:
    values = dict(values)
    for name in given:
        value = getattr(data, name)
        if name == "address":
            values |= {part: None if value is None else getattr(value, part) for part in ADDRESS}
        elif name in {"cohabitation", "maintained"}:
            values[name] = _periods(value)
        elif name == "certificates":
            values[name] = _certificates(value)
        else:
            values[name] = value
    return values


def stored(row: Any) -> Values:  # noqa: ANN401 - a row
    values = {name: getattr(row, name) for name in (*PLAIN, *ADDRESS) if name not in {"fiscal_code", "access_notes"}}
    return values | {
        "fiscal_code": None
        if row.sealed_fiscal_code is None
        else sealing.open_fiscal_code(row.sealed_fiscal_code, row.id),
        "access_notes": None
        if row.sealed_access_notes is None
        else sealing.open_access_notes(row.sealed_access_notes, row.id),
        "cohabitation": row.cohabitation,
        "maintained": row.maintained,
        "dependent_years": list(row.dependent_years),
        "certificates": row.certificates,
    }


def columns(values: Mapping[str, Any], row_id: UUID) -> Values:
    """Return the values as columns: secrets sealed for this row, lists as JSON."""
    code, notes = values["fiscal_code"], values["access_notes"]
    return {
        **{name: values[name] for name in (*PLAIN, *ADDRESS) if name not in {"fiscal_code", "access_notes"}},
        "sealed_fiscal_code": None if code is None else sealing.seal_fiscal_code(code, row_id),
        "sealed_access_notes": None if notes is None else sealing.seal_access_notes(notes, row_id),
        "dependent_years": values["dependent_years"],
        **{name: json.dumps(values[name]) for name in ("cohabitation", "maintained", "certificates")},
    }


def problems(values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with one beneficiary: pointer, code, detail."""
    found: list[Problem] = []
    if values["fiscal_code"] is not None and not is_born_on(values["fiscal_code"], values["birth_date"]):
        found.append(("/fiscal_code", "birth_date_differs", "the fiscal code belongs to another birth date"))
    for name, start, end in (
        ("cohabitation", "from", "to"), ("maintained", "from", "to"), ("certificates", "valid_from", "valid_to"),
    ):  # fmt: skip
        found += [
            (f"/{name}/{index}/{end}", "period", "a period must not end before it begins")
            for index, item in enumerate(values[name])
            if item[end] is not None and item[end] < item[start]
        ]
    return found


def generation_problem(people: Sequence[tuple[str, date]]) -> Problem | None:
    """Return a problem when a child is not younger, or a parent not older, than the person (`self`)."""
    own = next((born for relation, born in people if relation == "self"), None)
    if own is None:
        return None
    for relation, born in people:
        if (relation in YOUNGER and born <= own) or (relation in OLDER and born >= own):
            return ("/birth_date", "generation", "children are born after the employee, parents before")
    return None


def read(row: Any) -> BeneficiaryRead:  # noqa: ANN401 - a row
    values = stored(row)
    address = {part: values.pop(part) for part in ADDRESS}
    return BeneficiaryRead.model_validate(
        {"id": row.id, **values, "address": address if address["istat_code"] is not None else None}
    )


def _periods(periods: Sequence[Period]) -> list[dict[str, str | None]]:
    return [{"from": one.start.isoformat(), "to": _iso(one.end)} for one in periods]


def _certificates(certificates: Sequence[Certificate]) -> list[dict[str, str | None]]:
    return [
        {
            "kind": one.kind,
            "valid_from": one.valid_from.isoformat(),
            "valid_to": _iso(one.valid_to),
        }
        for one in certificates
    ]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
