"""Reading parties, territory and members; what upper modules ask about companies and employments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import rows
from app.errors import NotFound

ORGANISATION = (
    "id, name, kinds, tax_code, iban, street, street_number, postcode, town, country, external_id, metadata,"
    " created_at, version"
)
ALLIANCE = """
    SELECT a.id, a.name, a.network_id, n.name AS network_name, o.name AS lead_organisation_name,
        ARRAY(SELECT m.istat_code FROM alliance_municipality m WHERE m.alliance_id = a.id ORDER BY m.istat_code)
            AS municipalities
    FROM alliance a JOIN network n ON n.id = a.network_id JOIN organisation o ON o.id = a.lead_organisation_id
"""
MEMBERSHIP = """
    SELECT m.id, m.organisation_id, o.name AS organisation_name, m.role, m.joined_on, m.ended_on
    FROM alliance_membership m JOIN organisation o ON o.id = m.organisation_id
"""


@dataclass(frozen=True)
class Employment:
    """An employment as funding and bookings need it; days are inclusive."""

    employee_id: UUID
    company_id: UUID
    company_name: str
    relatives_reading: str
    category: str
    hired_on: date
    ended_on: date | None


async def employments_of(session: AsyncSession, user_id: UUID) -> list[Employment]:
    """Return a person's employments, ended ones too: their credit may outlive them by the programme's rule."""
    found = await rows(
        session,
        "SELECT e.id, e.company_id, o.name, c.relatives_reading, e.category, e.hired_on, e.ended_on"
        " FROM employee e JOIN company c ON c.organisation_id = e.company_id"
        " JOIN organisation o ON o.id = e.company_id WHERE e.user_id = :user_id ORDER BY e.hired_on, e.id",
        user_id=user_id,
    )
    return [Employment(*row) for row in found]


async def relatives_reading(session: AsyncSession, company_id: UUID) -> str:
    """Return a company's reading of "relatives": `strict` or `lenient` (art. 12 c. 4-ter TUIR)."""
    found = await rows(session, "SELECT relatives_reading FROM company WHERE organisation_id = :id", id=company_id)
    if not found:
        raise NotFound
    return str(found[0][0])


async def employees_in_category(session: AsyncSession, company_id: UUID, category: str, on: date) -> list[UUID]:
    """Return who belongs to a category and is employed on a day, in the order of their ids."""
    found = await rows(
        session,
        "SELECT id FROM employee WHERE company_id = :company_id AND category = :category AND hired_on <= :on"
        " AND (ended_on IS NULL OR ended_on >= :on) ORDER BY id",
        company_id=company_id,
        category=category,
        on=on,
    )
    return [row[0] for row in found]


async def unknown_employees(session: AsyncSession, company_id: UUID, employee_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these ids are no employees of the company."""
    found = await rows(
        session,
        "SELECT id FROM employee WHERE company_id = :company_id AND id = ANY(CAST(:ids AS uuid[]))",
        company_id=company_id,
        ids=list(employee_ids),
    )
    return set(employee_ids) - {row[0] for row in found}


async def employees_by_external_id(
    session: AsyncSession, company_id: UUID, external_ids: Sequence[str]
) -> dict[str, UUID]:
    """Return the present employees with these external ids."""
    found = await rows(
        session,
        "SELECT external_id, id FROM employee WHERE company_id = :company_id AND ended_on IS NULL"
        " AND external_id = ANY(CAST(:external_ids AS text[]))",
        company_id=company_id,
        external_ids=list(external_ids),
    )
    return {row[0]: row[1] for row in found}


async def employees_by_fiscal_code_index(
    session: AsyncSession, company_id: UUID, indexes: Sequence[bytes]
) -> dict[bytes, UUID]:
    """Return the present employees by keyed hash of their fiscal code (`sealing.fiscal_code_index`)."""
    found = await rows(
        session,
        "SELECT fiscal_code_index, id FROM employee WHERE company_id = :company_id AND ended_on IS NULL"
        " AND fiscal_code_index = ANY(CAST(:indexes AS bytea[]))",
        company_id=company_id,
        indexes=list(indexes),
    )
    return {bytes(row[0]): row[1] for row in found}


async def search_municipalities(
    session: AsyncSession, needle: str, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Any]:
    """Return municipalities whose sort key contains the needle, those beginning with it first."""
    rank, key, code = after or (-1, "", "")
    return await rows(
        session,
        "SELECT * FROM (SELECT istat_code, name, province, sort_key,"
        "  CASE WHEN starts_with(sort_key, :needle) THEN 0 ELSE 1 END AS rank"
        "  FROM municipality WHERE sort_key LIKE :pattern) AS found"
        " WHERE (rank, sort_key, istat_code) > (:rank, :key, :code)"
        " ORDER BY rank, sort_key, istat_code LIMIT :limit",
        needle=needle,
        pattern=f"%{_literal(needle)}%",
        rank=rank,
        key=key,
        code=code,
        limit=limit,
    )


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def unknown_municipalities(session: AsyncSession, codes: Sequence[str]) -> set[str]:
    found = await rows(
        session, "SELECT istat_code FROM municipality WHERE istat_code = ANY(CAST(:codes AS text[]))", codes=list(codes)
    )
    return set(codes) - {row[0] for row in found}


async def alliances(session: AsyncSession, after: tuple[Any, ...] | None, limit: int) -> Sequence[Any]:
    name, alliance_id = after or (None, None)
    return await rows(
        session,
        ALLIANCE
        + ' WHERE CAST(:name AS text) IS NULL OR (a.name COLLATE "C", a.id) > (CAST(:name AS text), CAST(:id AS uuid))'
        ' ORDER BY a.name COLLATE "C", a.id LIMIT :limit',
        name=name,
        id=alliance_id,
        limit=limit,
    )


async def alliance(session: AsyncSession, alliance_id: UUID) -> Any:  # noqa: ANN401 - a row
    found = await rows(session, ALLIANCE + " WHERE a.id = :id", id=alliance_id)
    if not found:
        raise NotFound
    return found[0]


async def organisations(session: AsyncSession, after: tuple[Any, ...] | None, limit: int) -> Sequence[Any]:
    return await rows(
        session,
        f"SELECT {ORGANISATION} FROM organisation"  # noqa: S608 - our own column list
        " WHERE CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid) ORDER BY id LIMIT :limit",
        after=after[0] if after else None,
        limit=limit,
    )


async def organisation(session: AsyncSession, organisation_id: UUID, *, lock: bool = False) -> Any:  # noqa: ANN401
    found = await rows(
        session,
        f"SELECT {ORGANISATION} FROM organisation WHERE id = :id"  # noqa: S608 - our own column list
        + (" FOR NO KEY UPDATE" if lock else ""),
        id=organisation_id,
    )
    if not found:
        raise NotFound
    return found[0]


async def networks(session: AsyncSession, after: tuple[Any, ...] | None, limit: int) -> Sequence[Any]:
    return await rows(
        session,
        "SELECT id, name, created_at FROM network WHERE CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)"
        " ORDER BY id LIMIT :limit",
        after=after[0] if after else None,
        limit=limit,
    )


async def alliance_memberships(
    session: AsyncSession, alliance_id: UUID, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Any]:
    return await rows(
        session,
        MEMBERSHIP
        + " WHERE m.alliance_id = :alliance_id AND (CAST(:after AS uuid) IS NULL OR m.id > CAST(:after AS uuid))"
        " ORDER BY m.id LIMIT :limit",
        alliance_id=alliance_id,
        after=after[0] if after else None,
        limit=limit,
    )


async def alliance_membership(
    session: AsyncSession, alliance_id: UUID, membership_id: UUID, *, lock: bool = False
) -> Any:  # noqa: ANN401 - a row
    found = await rows(
        session,
        MEMBERSHIP + " WHERE m.alliance_id = :alliance_id AND m.id = :id" + (" FOR NO KEY UPDATE OF m" if lock else ""),
        alliance_id=alliance_id,
        id=membership_id,
    )
    if not found:
        raise NotFound
    return found[0]


async def members(
    session: AsyncSession, organisation_id: UUID, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Any]:
    return await rows(
        session,
        "SELECT m.id, m.user_id, u.email, m.role, m.created_at FROM membership m"
        " JOIN user_account u ON u.id = m.user_id"
        " WHERE m.organisation_id = :organisation_id AND m.ended_at IS NULL"
        " AND (CAST(:after AS uuid) IS NULL OR m.id > CAST(:after AS uuid)) ORDER BY m.id LIMIT :limit",
        organisation_id=organisation_id,
        after=after[0] if after else None,
        limit=limit,
    )


async def me(session: AsyncSession, user_id: UUID) -> tuple[Any, Sequence[Any]]:
    """Return the login and its live memberships, one row per organisation."""
    user = await rows(session, "SELECT id, email, locale FROM user_account WHERE id = :id", id=user_id)
    held = await rows(
        session,
        "SELECT o.id AS organisation_id, o.name AS organisation_name, o.kinds,"
        " array_agg(m.role ORDER BY m.role) AS roles"
        " FROM membership m JOIN organisation o ON o.id = m.organisation_id"
        ' WHERE m.user_id = :user_id AND m.ended_at IS NULL GROUP BY o.id ORDER BY o.name COLLATE "C", o.id',
        user_id=user_id,
    )
    return user[0], held


async def in_alliance(session: AsyncSession, organisation_id: UUID) -> bool:
    """Tell whether the organisation leads an alliance or belongs to one."""
    found = await rows(
        session,
        "SELECT EXISTS (SELECT 1 FROM alliance_membership WHERE organisation_id = :id AND ended_on IS NULL)",
        id=organisation_id,
    )
    return bool(found[0][0])


async def lock_members(session: AsyncSession, organisation_id: UUID) -> None:
    """Serialise endings in one organisation, so that two administrators cannot both be the last to go."""
    await rows(session, "SELECT 1 FROM organisation WHERE id = :id FOR NO KEY UPDATE", id=organisation_id)


async def member(session: AsyncSession, organisation_id: UUID, membership_id: UUID) -> Any:  # noqa: ANN401 - a row
    found = await rows(
        session,
        "SELECT m.id, m.user_id, u.email, m.role, m.created_at FROM membership m"
        " JOIN user_account u ON u.id = m.user_id"
        " WHERE m.organisation_id = :organisation_id AND m.id = :id AND m.ended_at IS NULL",
        organisation_id=organisation_id,
        id=membership_id,
    )
    if not found:
        raise NotFound
    return found[0]


async def other_roles(session: AsyncSession, organisation_id: UUID, membership_id: UUID) -> list[str]:
    """Return the roles of all other live memberships."""
    found = await rows(
        session,
        "SELECT DISTINCT role FROM membership WHERE organisation_id = :organisation_id AND ended_at IS NULL"
        " AND id <> :id",
        organisation_id=organisation_id,
        id=membership_id,
    )
    return [row[0] for row in found]


async def works_for_operator(session: AsyncSession, email: str) -> bool:
    """Tell whether this login has a role in an organisation of kind operator."""
    found = await rows(
        session,
        "SELECT EXISTS (SELECT 1 FROM user_account u JOIN membership m ON m.user_id = u.id AND m.ended_at IS NULL"
        " JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)"
        " WHERE u.email = lower(:email))",
        email=email,
    )
    return bool(found[0][0])
