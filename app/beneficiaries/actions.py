"""What a person does with beneficiaries: oneself and relatives."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, sealing
from app.actor import Actor
from app.audit import actions as audit
from app.banking.fiscal_codes import birth_date_of
from app.beneficiaries import decisions, queries
from app.beneficiaries.details import Details, seal_details
from app.beneficiaries.queries import BeneficiaryRow
from app.beneficiaries.schemas import BeneficiaryCreate, BeneficiaryUpdate
from app.errors import Invalid, PreconditionFailed, StateConflict
from app.territory.queries import unknown_municipalities


async def create_beneficiary(session: AsyncSession, user_id: UUID, data: BeneficiaryCreate) -> BeneficiaryRow:
    """Add a relative."""
    row = decisions.created(data, ids.new_id())
    await _check(session, user_id, row)
    await queries.add(session, user_id, row)
    return row


async def update_beneficiary(
    session: AsyncSession, actor: Actor, beneficiary_id: UUID, version: int, data: BeneficiaryUpdate
) -> BeneficiaryRow:
    """Change facts; bookings compare the version they were quoted for with the row's."""
    old = await queries.beneficiary(session, actor.user_id, beneficiary_id, lock=True)
    if old.version != version:
        raise PreconditionFailed
    row = decisions.changed(old, data)
    if (row.relation == "self") != (old.relation == "self"):
        raise Invalid("/relation", "self", "`self` is who it is from the start")
    await _check(session, actor.user_id, row)
    if row == old:
        return old
    await queries.change(session, actor.user_id, row)
    await audit.record(session, actor, "beneficiary.update", "beneficiary", beneficiary_id)
    return replace(row, version=old.version + 1)


async def archive_beneficiary(session: AsyncSession, user_id: UUID, beneficiary_id: UUID) -> BeneficiaryRow:
    """Take a relative out of lists and quotes; what was booked keeps its beneficiary."""
    row = await queries.beneficiary(session, user_id, beneficiary_id, lock=True)
    if row.relation == "self":
        raise StateConflict("self", "The person is always a beneficiary.")
    await queries.archive(session, beneficiary_id, clock.now())
    return row


async def ensure_self(
    session: AsyncSession, user_id: UUID, *, given_name: str, family_name: str, fiscal_code: str
) -> None:
    """Make the person a beneficiary of their own credit, unless they are one from an earlier employment."""
    beneficiary_id = ids.new_id()
    await queries.ENSURE_SELF.run(
        session,
        id=beneficiary_id,
        user_id=user_id,
        given_name=given_name,
        family_name=family_name,
        sealed_fiscal_code=sealing.seal_fiscal_code(fiscal_code, beneficiary_id),
        sealed_details=seal_details(Details(birth_date=birth_date_of(fiscal_code, clock.today())), beneficiary_id),
        created_at=clock.now(),
    )


async def _check(session: AsyncSession, user_id: UUID, row: BeneficiaryRow) -> None:
    found = decisions.problems(row)
    if row.istat_code is not None and await unknown_municipalities(session, [row.istat_code]):
        found.append(("/address/istat_code", "unknown_municipality", "there is no municipality with this code"))
    people = [*await queries.family(session, user_id, but=row.id), (row.relation, row.birth_date)]
    if (problem := decisions.generation_problem(people)) is not None:
        found.append(problem)
    if found:
        raise Invalid(*found[0], *found[1:])
