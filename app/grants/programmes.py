"""Programmes: where a company's credit comes from, who gets it, what it may pay, how it ends."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.credit import batches, sources
from app.credit.sources import SourceTerms
from app.errors import Invalid, NotFound, PreconditionFailed, StateConflict
from app.grants import queries
from app.grants.agreements import YearsCredit, years_credit
from app.grants.errors import ProgrammeEnded, ProgrammeInUse
from app.grants.grants import balance_of
from app.grants.models import Programme
from app.grants.queries import ProgrammeRow
from app.grants.schemas import ProgrammeCreate, ProgrammeRead, ProgrammeUpdate
from app.rules.book import book_in_force


async def create_programme(session: AsyncSession, company_id: UUID, given: ProgrammeCreate) -> ProgrammeRow:
    """Make a programme and the source of its credit; the relatives' reading defaults to the company's."""
    if given.expired_credit_to is None:
        heir = "company" if given.source == "on_top" else "solidarity_fund"
        given = given.model_copy(update={"expired_credit_to": heir})
    _check_programme(given)
    credit = _credit(given)
    company = await queries.COMPANY_TERMS.one(session, company_id=company_id)
    if given.relatives_reading is None:
        given = given.model_copy(update={"relatives_reading": company.relatives_reading})
    row = ProgrammeRow(
        id=ids.new_id(),
        company_id=company_id,
        created_at=clock.now(),
        version=1,
        archived_at=None,
        due_by=None if credit is None else credit.available_by,
        **given.model_dump(),
    )
    await sources.create(
        session,
        row.id,
        "programme",
        _terms(row),
        funded_by_account_id=company.account_id,
        returns_to_account_id=company.returns_account_id,
    )
    await session.execute(
        insert(Programme).values(id=row.id, company_id=company_id, created_at=row.created_at, **_own(row))
    )
    return row


async def update_programme(
    session: AsyncSession,
    company_id: UUID,
    programme_id: UUID,
    given: ProgrammeUpdate,
    expected_version: int | None,
) -> ProgrammeRow:
    """Change what was given; ProgrammeInUse when a grant uses the programme and more than the name would change.

    Its last day may move later: all that it gave, and that was not revoked, is then good for as long. ProgrammeEnded
    where that day is over, since its credit has left.
    """
    # Grants are made of what the programme says: none becomes active between.
    await balance_of(session, company_id, for_update=True)
    programme = await queries.LOCK_PROGRAMME.maybe(session, company_id=company_id, id=programme_id)
    if programme is None:
        raise NotFound
    if programme.version != expected_version:
        raise PreconditionFailed
    before = ProgrammeRead.model_validate(programme)
    after = before.model_copy(update=given.model_dump(include=given.model_fields_set))
    changed = {name: value for name, value in after if value != getattr(before, name)}
    if not changed:
        return programme
    used = await queries.programme_used(session, company_id, programme_id)
    if changed.keys() - {"name", "external_id", "metadata"}:
        if used:
            _check_extended(before, after, changed)
        _check_programme(after)
    row = replace(programme, **changed, version=programme.version + 1)
    await sources.change(session, programme_id, _terms(row))
    await session.execute(
        update(Programme)
        .where(Programme.company_id == company_id, Programme.id == programme_id)
        .values(version=row.version, **_own(row))
    )
    if used and row.lot_expires_on > programme.lot_expires_on:
        await batches.extend(session, company_id, programme_id, row.lot_expires_on)
    return row


def _check_extended(before: ProgrammeRead, after: ProgrammeRead, changed: Mapping[str, object]) -> None:
    """Of a programme that grants use only the last day may change, and only to a later one."""
    if changed.keys() - {"name", "external_id", "metadata", "lot_expires_on"}:
        raise ProgrammeInUse
    if after.lot_expires_on < before.lot_expires_on:
        raise ProgrammeInUse
    if before.lot_expires_on < clock.today():
        raise ProgrammeEnded


async def archive_programme(session: AsyncSession, company_id: UUID, programme_id: UUID, *, away: bool) -> ProgrammeRow:
    """Put a programme away, so that no grant is drafted for it any more, or bring it back; what it gave stands."""
    programme = await queries.LOCK_PROGRAMME.maybe(session, company_id=company_id, id=programme_id)
    if programme is None:
        raise NotFound
    if (programme.archived_at is not None) == away:
        raise StateConflict("archived" if away else "open")
    row = replace(programme, archived_at=clock.now() if away else None, version=programme.version + 1)
    await session.execute(
        update(Programme)
        .where(Programme.company_id == company_id, Programme.id == programme_id)
        .values(version=row.version, archived_at=row.archived_at)
    )
    return row


def _own(row: ProgrammeRow) -> dict[str, object]:
    """What only the company needs to know of its programme."""
    return {
        "basis": row.basis,
        "basis_reference": row.basis_reference,
        "employee_category": row.employee_category,
        "lot_expires_on": row.lot_expires_on,
        "agreement_code": row.agreement_code,
        "agreement_year": row.agreement_year,
        "due_by": row.due_by,
        "external_id": row.external_id,
        "metadata_": row.metadata,
    }


def _terms(row: ProgrammeRow) -> SourceTerms:
    """What the source of a programme's credit says about it."""
    return SourceTerms(
        programme_source=row.source,
        name=row.name,
        rule_codes=row.rule_codes,
        categories=row.categories,
        validity_basis=row.validity_basis,
        relatives_reading=row.relatives_reading,
        fee_funding=row.fee_funding,
        expired_credit_to=row.expired_credit_to,
        leavers_rule=row.leavers_rule,
    )


def _credit(given: ProgrammeCreate) -> YearsCredit | None:
    """Return the agreement's credit that the programme gives; Invalid where it names none that there is."""
    code, year = given.agreement_code, given.agreement_year
    if code is None and year is None:
        return None
    if given.source != "collective_agreement":
        raise Invalid("/agreement_code", "only_collective_agreement", "only a programme of an agreement names one")
    if code is None or year is None:
        raise Invalid("/agreement_year", "agreement_and_year", "name both the agreement and the year")
    credit = years_credit(book_in_force(), code, year)
    if credit is None:
        raise Invalid("/agreement_year", "no_such_agreement", "nothing is known of this agreement for that year")
    if given.lot_expires_on < credit.usable_until:
        raise Invalid("/lot_expires_on", "agreement_longer", "the agreement lets its credit be used longer")
    return credit


def _check_programme(terms: ProgrammeCreate | ProgrammeRead) -> None:
    wrong: list[tuple[str, str, str]] = []
    if terms.source != "on_top":
        if terms.leavers_rule == "zero_at_leaving":
            wrong.append(("/leavers_rule", "only_on_top", "only on-top credit may end with the employment"))
        if terms.expired_credit_to == "company":
            wrong.append(("/expired_credit_to", "only_on_top", "only on-top credit may expire to the company"))
    if terms.lot_expires_on < clock.today():
        wrong.append(("/lot_expires_on", "past", "credit cannot expire before it exists"))
    if len(set(terms.rule_codes)) < len(terms.rule_codes):
        wrong.append(("/rule_codes", "duplicate", "a rule code is given twice"))
    known = {category.code for category in book_in_force().categories_on(clock.today())}
    categories = terms.categories or []
    for index, code in enumerate(categories):
        if code not in known:
            wrong.append((f"/categories/{index}", "unknown_category", "there is no such category"))
        elif code in categories[:index]:
            wrong.append((f"/categories/{index}", "duplicate", "a category is given twice"))
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:100])
