"""What a person does with beneficiaries: oneself and relatives."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.banking.fiscal_codes import birth_date_of
from app.errors import Invalid, PreconditionFailed, StateConflict
from app.organisations import beneficiary_queries as queries
from app.organisations import beneficiary_values as decisions
from app.organisations import sealing
from app.organisations.people_schemas import BeneficiaryCreate, BeneficiaryUpdate
from app.organisations.queries import unknown_municipalities

INSERT = text("""
    INSERT INTO care.beneficiary (id, user_id, relation, given_name, family_name, birth_date, sealed_fiscal_code,
        phone, street, postcode, istat_code, sealed_access_notes, cohabitation, maintained, dependent_years,
        certificates, created_at)
    VALUES (:id, :user_id, :relation, :given_name, :family_name, :birth_date, :sealed_fiscal_code, :phone, :street,
        :postcode, :istat_code, :sealed_access_notes, CAST(:cohabitation AS jsonb), CAST(:maintained AS jsonb),
        CAST(:dependent_years AS integer[]), CAST(:certificates AS jsonb), :created_at)
""")
UPDATE = text("""
    UPDATE care.beneficiary SET version = version + 1, relation = :relation, given_name = :given_name,
        family_name = :family_name, birth_date = :birth_date, sealed_fiscal_code = :sealed_fiscal_code,
        phone = :phone, street = :street, postcode = :postcode, istat_code = :istat_code,
        sealed_access_notes = :sealed_access_notes, cohabitation = CAST(:cohabitation AS jsonb),
        maintained = CAST(:maintained AS jsonb), dependent_years = CAST(:dependent_years AS integer[]),
        certificates = CAST(:certificates AS jsonb)
    WHERE id = :id AND user_id = :user_id
""")
ENSURE_SELF = text("""
    INSERT INTO care.beneficiary
        (id, user_id, relation, given_name, family_name, birth_date, sealed_fiscal_code, created_at)
    VALUES (:id, :user_id, 'self', :given_name, :family_name, :birth_date, :sealed_fiscal_code, :created_at)
    ON CONFLICT (user_id) WHERE relation = 'self' DO NOTHING
""")


async def create_beneficiary(session: AsyncSession, actor: Actor, data: BeneficiaryCreate) -> Any:  # noqa: ANN401
    """Add a relative."""
    values = decisions.created(data)
    beneficiary_id = ids.new_id()
    await _check(session, actor.user_id, beneficiary_id, values)
    await session.execute(
        INSERT,
        {
            "id": beneficiary_id,
            "user_id": actor.user_id,
            "created_at": clock.now(),
            **decisions.columns(values, beneficiary_id),
        },
    )
    await audit.record(session, actor, "beneficiary.create", "beneficiary", beneficiary_id)
    return await queries.beneficiary(session, actor.user_id, beneficiary_id)


async def update_beneficiary(
    session: AsyncSession, actor: Actor, beneficiary_id: UUID, version: int, data: BeneficiaryUpdate
) -> Any:  # noqa: ANN401 - a row
    """Change facts; bookings compare the version they were quoted for with the row's."""
    row = await queries.beneficiary(session, actor.user_id, beneficiary_id, lock=True)
    if row.version != version:
        raise PreconditionFailed
    old, values = decisions.stored(row), decisions.changed(row, data)
    if (values["relation"] == "self") != (row.relation == "self"):
        raise Invalid("/relation", "self", "`self` is who it is from the start")
    await _check(session, actor.user_id, beneficiary_id, values)
    if values == old:
        return row
    await session.execute(
        UPDATE, {"id": beneficiary_id, "user_id": actor.user_id, **decisions.columns(values, beneficiary_id)}
    )
    await audit.record(session, actor, "beneficiary.update", "beneficiary", beneficiary_id)
    return await queries.beneficiary(session, actor.user_id, beneficiary_id)


async def archive_beneficiary(session: AsyncSession, actor: Actor, beneficiary_id: UUID) -> Any:  # noqa: ANN401 - a row
    """Take a relative out of lists and quotes; what was booked keeps its beneficiary."""
    row = await queries.beneficiary(session, actor.user_id, beneficiary_id, lock=True)
    if row.relation == "self":
        raise StateConflict("self", "The person is always a beneficiary.")
    await session.execute(
        text("UPDATE care.beneficiary SET ended_at = :at, version = version + 1 WHERE id = :id"),
        {"at": clock.now(), "id": beneficiary_id},
    )
    await audit.record(session, actor, "beneficiary.archive", "beneficiary", beneficiary_id)
    return row


async def ensure_self(
    session: AsyncSession, user_id: UUID, *, given_name: str, family_name: str, fiscal_code: str
) -> None:
    """Make the person a beneficiary of their own credit, unless they are one from an earlier employment."""
    beneficiary_id = ids.new_id()
    await session.execute(
        ENSURE_SELF,
        {
            "id": beneficiary_id,
            "user_id": user_id,
            "given_name": given_name,
            "family_name": family_name,
            "birth_date": birth_date_of(fiscal_code, clock.today()),
            "sealed_fiscal_code": sealing.seal_fiscal_code(fiscal_code, beneficiary_id),
            "created_at": clock.now(),
        },
    )


async def _check(session: AsyncSession, user_id: UUID, beneficiary_id: UUID, values: decisions.Values) -> None:
    found = decisions.problems(values)
    if values["istat_code"] is not None and await unknown_municipalities(session, [values["istat_code"]]):
        found.append(("/address/istat_code", "unknown_municipality", "there is no municipality with this code"))
    people = [
        (row.relation, row.birth_date) for row in await queries.family(session, user_id) if row.id != beneficiary_id
    ]
    if (problem := decisions.generation_problem([*people, (values["relation"], values["birth_date"])])) is not None:
        found.append(problem)
    if found:
        raise Invalid(*found[0], *found[1:])
