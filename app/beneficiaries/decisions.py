"""What a request makes of a beneficiary, and what is wrong with the result. Pure decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from app import sealing
from app.banking.fiscal_codes import is_born_on
from app.beneficiaries.details import StoredCertificate, StoredPeriod
from app.beneficiaries.queries import BeneficiaryRow
from app.beneficiaries.schemas import BeneficiaryCreate, BeneficiaryUpdate, Certificate, HomeAddress, Period
from app.rules.beneficiary import Relation

Problem = tuple[str, str, str]
YOUNGER = frozenset({"child", "grandchild"})
OLDER = frozenset({"parent", "grandparent"})


def created(data: BeneficiaryCreate, beneficiary_id: UUID) -> BeneficiaryRow:
    row = BeneficiaryRow(
        id=beneficiary_id,
        relation=data.relation,
        given_name=data.given_name,
        family_name=data.family_name,
        birth_date=data.birth_date,
        sealed_fiscal_code=None,
        phone=data.phone,
        street=None,
        postcode=None,
        istat_code=None,
        sealed_access_notes=None,
        cohabitation=_periods(data.cohabitation),
        maintained=_periods(data.maintained),
        dependent_years=tuple(data.dependent_years),
        certificates=_certificates(data.certificates),
        died_on=None,
        version=1,
    )
    return _with_notes(_with_code(_at(row, data.address), data.fiscal_code), data.access_notes)


def changed(row: BeneficiaryRow, data: BeneficiaryUpdate) -> BeneficiaryRow:
    """Return the row with what was given put over it; absent keeps."""
    given = data.model_fields_set
    row = replace(
        row,
        relation=data.relation if "relation" in given else row.relation,
        given_name=data.given_name if "given_name" in given else row.given_name,
        family_name=data.family_name if "family_name" in given else row.family_name,
        birth_date=data.birth_date if "birth_date" in given else row.birth_date,
        phone=data.phone if "phone" in given else row.phone,
        cohabitation=_periods(data.cohabitation) if "cohabitation" in given else row.cohabitation,
        maintained=_periods(data.maintained) if "maintained" in given else row.maintained,
        dependent_years=tuple(data.dependent_years) if "dependent_years" in given else row.dependent_years,
        certificates=_certificates(data.certificates) if "certificates" in given else row.certificates,
        died_on=data.died_on if "died_on" in given else row.died_on,
    )
    if "address" in given:
        row = _at(row, data.address)
    if "fiscal_code" in given:
        row = _with_code(row, data.fiscal_code)
    return _with_notes(row, data.access_notes) if "access_notes" in given else row


def _at(row: BeneficiaryRow, address: HomeAddress | None) -> BeneficiaryRow:
    if address is None:
        return replace(row, street=None, postcode=None, istat_code=None)
    return replace(row, street=address.street, postcode=address.postcode, istat_code=address.istat_code)


def _with_code(row: BeneficiaryRow, code: str | None) -> BeneficiaryRow:
    """Seal a code that is another: sealing the same again would look like a change."""
    if code == row.fiscal_code:
        return row
    return replace(row, sealed_fiscal_code=None if code is None else sealing.seal_fiscal_code(code, row.id))


def _with_notes(row: BeneficiaryRow, notes: str | None) -> BeneficiaryRow:
    if notes == row.access_notes:
        return row
    return replace(row, sealed_access_notes=None if notes is None else sealing.seal_access_notes(notes, row.id))


def problems(row: BeneficiaryRow) -> list[Problem]:
    """Return what is wrong with one beneficiary: pointer, code, detail."""
    found: list[Problem] = []
    code = row.fiscal_code
    if code is not None and not is_born_on(code, row.birth_date):
        found.append(("/fiscal_code", "birth_date_differs", "the fiscal code belongs to another birth date"))
    if row.died_on is not None and row.relation == "self":
        found.append(("/died_on", "self", "`self` is the living person who logs in"))
    elif row.died_on is not None and row.died_on < row.birth_date:
        found.append(("/died_on", "period", "a period must not end before it begins"))
    return [
        *found,
        *_backwards("/cohabitation/{}/to", ((one.start, one.end) for one in row.cohabitation)),
        *_backwards("/maintained/{}/to", ((one.start, one.end) for one in row.maintained)),
        *_backwards("/certificates/{}/valid_to", ((one.valid_from, one.valid_to) for one in row.certificates)),
    ]


def _backwards(pointer: str, periods: Iterable[tuple[date, date | None]]) -> list[Problem]:
    return [
        (pointer.format(index), "period", "a period must not end before it begins")
        for index, (start, end) in enumerate(periods)
        if end is not None and end < start
    ]


def generation_problem(people: Sequence[tuple[Relation, date]]) -> Problem | None:
    """Return a problem when a child is not younger, or a parent not older, than the person (`self`)."""
    own = next((born for relation, born in people if relation == "self"), None)
    if own is None:
        return None
    for relation, born in people:
        if (relation in YOUNGER and born <= own) or (relation in OLDER and born >= own):
            return ("/birth_date", "generation", "children are born after the employee, parents before")
    return None


def _periods(periods: Sequence[Period]) -> tuple[StoredPeriod, ...]:
    return tuple(StoredPeriod(one.start, one.end) for one in periods)


def _certificates(certificates: Sequence[Certificate]) -> tuple[StoredCertificate, ...]:
    return tuple(StoredCertificate(one.kind, one.valid_from, one.valid_to) for one in certificates)
