"""What the database itself refuses of slots, seats, prices and sites."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from tests.catalogue.shop import ALBINO, NOW, base, publish, slot
from tests.world import Party, World


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


@pytest.fixture
async def offering(client: httpx.AsyncClient, coop: Party) -> dict[str, Any]:
    return await publish(client, coop)


def uuid_of(made: dict[str, Any]) -> UUID:
    return ids.split(made["id"])[1]


async def taken(session: AsyncSession) -> list[int]:
    rows = await session.execute(text("SELECT taken FROM slot ORDER BY starts_at"))
    return list(rows.scalars())


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE slot SET capacity = 1", "slot_taken_within_capacity"),
        ("UPDATE slot SET capacity = 0", "slot_capacity_positive"),
        ("UPDATE slot SET status = 'cancelled'", "slot_cancelled_is_empty"),
        ("UPDATE slot SET status = 'gone'", "slot_status_known"),
        (
            (
                "INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at) SELECT"
                " gen_random_uuid(), provider_id, offering_id, starts_at, starts_at, 1, starts_at FROM slot"
            ),
            "slot_not_empty",
        ),
        (
            (
                "INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at) SELECT"
                " gen_random_uuid(),"
                " (SELECT p.organisation_id FROM provider p WHERE p.organisation_id <> s.provider_id),"
                " s.offering_id, s.starts_at, s.ends_at, 1, s.starts_at FROM slot s"
            ),
            "slot_provider_id_offering_id_fkey",
        ),
    ],
)
async def test_the_database_refuses_what_the_code_never_does(
    client: httpx.AsyncClient,
    session: AsyncSession,
    world: World,
    coop: Party,
    offering: dict[str, Any],
    sql: str,
    constraint: str,
) -> None:
    await world.provider("Altra")
    made = uuid_of(await slot(client, coop, offering["id"], 48, capacity=2))
    seats = 0 if constraint == "slot_status_known" else 2
    if seats:
        await world.take_seats(made, seats)
    with pytest.raises(IntegrityError) as refused:
        async with session.begin_nested():
            await session.execute(text(sql))
    assert refused.value.orig is not None
    assert refused.value.orig.diag.constraint_name == constraint  # type: ignore[attr-defined]
    assert await taken(session) == [seats]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE slot SET starts_at = starts_at + interval '1 hour'",
        "UPDATE slot SET ends_at = ends_at + interval '1 hour'",
        "UPDATE slot SET offering_id = offering_id",
        "UPDATE slot SET provider_id = provider_id",
        "UPDATE slot SET taken = taken",
        "INSERT INTO slot (taken) VALUES (1)",
        "INSERT INTO slot (status) VALUES ('cancelled')",
        "INSERT INTO taking (id) VALUES (gen_random_uuid())",
        "UPDATE taking SET ended_at = taken_at",
        "UPDATE taking SET seats = 2",
        "DELETE FROM taking",
        "TRUNCATE taking",
        "DELETE FROM slot",
        "TRUNCATE slot",
        "UPDATE offering SET category = 'nursery'",
        "UPDATE offering SET provider_id = provider_id",
        "DELETE FROM offering",
        "UPDATE price SET price_cents = 1",
        "UPDATE price SET valid_from = '2020-01-01'",
        "DELETE FROM price",
        "UPDATE site SET provider_id = provider_id",
        "DELETE FROM site",
        "UPDATE provider SET payable_account_id = earned_account_id",
        "DELETE FROM provider",
    ],
)
async def test_the_application_rewrites_nothing_that_was_agreed(session: AsyncSession, sql: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(sql))


async def test_the_worker_may_what_the_application_may(session: AsyncSession) -> None:
    granted = text(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relname IN ('provider', 'site', 'offering', 'offering_area', 'price', 'slot', 'taking')"
        " AND has_column_privilege(:role, c.oid, a.attnum, 'UPDATE') ORDER BY 1, 2"
    )
    deletable = text(
        "SELECT c.relname FROM pg_class c"
        " WHERE c.relname IN ('provider', 'site', 'offering', 'offering_area', 'price', 'slot', 'taking')"
        " AND has_table_privilege(:role, c.oid, 'DELETE, TRUNCATE')"
    )
    app = (await session.execute(granted, {"role": "beatrice_app"})).all()
    assert app == (await session.execute(granted, {"role": "beatrice_worker"})).all()
    assert [tuple(row) for row in app if row[0] in {"price", "slot"}] == [
        ("price", "valid_to"),
        ("slot", "capacity"),
        ("slot", "status"),
        ("slot", "version"),
    ]
    for role in ("beatrice_app", "beatrice_worker"):
        assert (await session.execute(deletable, {"role": role})).scalars().all() == ["offering_area"]


@pytest.mark.parametrize("table", ["slot", "taking", "offering", "price", "provider", "site", "offering_area"])
async def test_the_companies_role_reads_nothing_here(session: AsyncSession, table: str) -> None:
    await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(f"SELECT 1 FROM {table}"))


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        (
            (
                "INSERT INTO price (id, offering_id, price_cents, valid_from, created_at)"
                " SELECT gen_random_uuid(), id, 1, '2027-01-01', created_at FROM offering"
            ),
            "price_one_per_day",
        ),
        (
            (
                "INSERT INTO price (id, offering_id, price_cents, valid_from, valid_to, created_at)"
                " SELECT gen_random_uuid(), id, 1, '2020-01-01', '2020-01-01', created_at FROM offering"
            ),
            "price_period",
        ),
        (
            (
                "INSERT INTO price (id, offering_id, price_cents, valid_from, valid_to, created_at)"
                " SELECT gen_random_uuid(), id, 0, '2020-01-01', '2020-01-02', created_at FROM offering"
            ),
            "price_positive",
        ),
        ("UPDATE offering SET site_id = :foreign_site", "offering_site_fkey"),
    ],
)
async def test_prices_and_sites_are_guarded(
    session: AsyncSession, client: httpx.AsyncClient, world: World, offering: dict[str, Any], sql: str, constraint: str
) -> None:
    assert offering["site_id"] is None
    other = await world.provider("Altra")
    site = await client.post(
        f"{base(other)}/sites",
        json={"name": "Sede", "street": "Via Roma 1", "postcode": "24021", "istat_code": ALBINO},
        headers=other.headers["manager"],
    )
    values = {"foreign_site": uuid_of(site.json())} if ":foreign_site" in sql else {}
    with pytest.raises(IntegrityError) as refused:
        async with session.begin_nested():
            await session.execute(text(sql), values)
    assert refused.value.orig is not None
    assert refused.value.orig.diag.constraint_name == constraint  # type: ignore[attr-defined]
