"""A16: production started on a demo database, with published passwords and a moved clock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import psycopg
import pytest

import migrations
from app import cli, clock
from app.db import APP, WORKER, Database, create_database, open_unit_of_work
from app.identity import passwords
from app.identity.password_rules import DEMO_PASSWORD
from tests.conftest import Beatrice, Cluster
from tests.production import ENVIRONMENT, in_force
from tests.world import World


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_of_ones_own_is_not_served_in_a_mode_nobody_chose(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str, command: str
) -> None:
    answer = beatrice(command, DATABASE_URL=cluster.owner_url(fresh_database_name), PORT="0")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == ("DATABASE_URL names a database of your own: say BEATRICE_MODE=production, or =sandbox.\n")


async def test_a_database_says_what_it_is_once(cluster: Cluster, fresh_database_name: str, fresh_world: World) -> None:
    url = cluster.owner_url(fresh_database_name)
    assert migrations.mark(url, "production") == "production"
    assert migrations.mark(url, "sandbox") == "production"
    with cluster.admin(fresh_database_name) as connection:
        for change in ("UPDATE installation SET mode = 'sandbox'", "DELETE FROM installation", "TRUNCATE installation"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changes"):
                connection.execute(change.encode())
    assert await fresh_world.execute("SELECT mode FROM installation") == [("production",)]


async def test_production_is_served_on_productions_database_only(cluster: Cluster, fresh_database_name: str) -> None:
    url = cluster.owner_url(fresh_database_name)
    with in_force():
        for role in (APP, WORKER):
            with pytest.raises(cli.Refused, match="not marked as production's"):
                await cli._check_database(url, role)
        migrations.mark(url, "production")
        for role in (APP, WORKER):
            await cli._check_database(url, role)
    with pytest.raises(cli.Refused, match="the sandbox leaves it alone"):
        await cli._check_database(url)


async def test_production_leaves_a_sandbox_alone(cluster: Cluster, fresh_database_name: str) -> None:
    url = cluster.owner_url(fresh_database_name)
    migrations.mark(url, "sandbox")
    await cli._check_database(url)
    with in_force():
        for role in (APP, WORKER):
            with pytest.raises(cli.Refused, match="stays one"):
                await cli._check_database(url, role)


Leave = Callable[[World], Awaitable[None]]


async def leave_nothing(_world: World) -> None:
    """A database without a demo world."""


async def move_the_clock(world: World) -> None:
    await world.execute("UPDATE clock_offset SET offset_interval = '71 days'")


async def log_in_under_example(world: World) -> None:
    await world.login("operator@beatrice.example")


async def share_a_password(world: World) -> None:
    for name in ("anna", "bruno"):
        await world.login(f"{name}@gestione.test", "$argon2id$v=19$m=65536,t=3,p=1$same$same")


async def keep_a_test_key(world: World) -> None:
    company = await world.organisation(["company"], ("admin",))
    await world.execute("UPDATE user_account SET email = id || '@gestione.test', password_hash = CAST(id AS text)")
    await world.api_key(company, ["employees:read"])
    await world.execute("UPDATE api_key SET hint = 'bea_test_abcd'")


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        (leave_nothing, None),
        (move_the_clock, "its clock was moved"),
        (log_in_under_example, "logins with addresses under .example"),
        (share_a_password, "logins that share one stored password"),
        (keep_a_test_key, "live API keys of a sandbox (bea_test_...)"),
    ],
)
def test_what_a_demo_world_left_is_not_made_production(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str, leave: Leave, message: str | None
) -> None:
    async def prepare() -> None:
        database = create_database(cluster.app_url(fresh_database_name))
        await leave(World(database))
        await database.dispose()

    asyncio.run(prepare())
    url = cluster.owner_url(fresh_database_name)
    answer = beatrice("migrate", **ENVIRONMENT | {"DATABASE_URL": url})
    with cluster.admin(fresh_database_name) as connection:
        marks = connection.execute("SELECT mode FROM installation").fetchall()
    if message is None:
        assert (answer.exit_code, answer.stderr, marks) == (0, "", [("production",)])
    else:
        assert (answer.exit_code, marks) == (1, [])
        assert answer.stderr == f"Not a database for production: {message}.\n"


async def test_leftovers_that_came_later_stop_the_start(
    cluster: Cluster, fresh_database_name: str, fresh_world: World
) -> None:
    url = cluster.owner_url(fresh_database_name)
    migrations.mark(url, "production")
    await log_in_under_example(fresh_world)
    with in_force(), pytest.raises(cli.Refused, match=r"addresses under \.example"):
        await cli._check_database(url)


async def test_the_clock_of_production_does_not_move(
    cluster: Cluster, fresh_database_name: str, fresh_world: World
) -> None:
    migrations.mark(cluster.owner_url(fresh_database_name), "production")
    with cluster.admin(fresh_database_name) as connection:
        for role in ("beatrice_app", "beatrice_owner"):
            connection.execute(f"SET ROLE {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="does not move"):
                connection.execute("UPDATE clock_offset SET offset_interval = '71 days'")
    assert await fresh_world.scalar("SELECT offset_interval FROM clock_offset") == timedelta(0)


async def test_a_moved_clock_never_becomes_productions(cluster: Cluster, fresh_database_name: str) -> None:
    with cluster.admin(fresh_database_name) as connection:
        connection.execute("UPDATE clock_offset SET offset_interval = '71 days'")
        with pytest.raises(psycopg.errors.CheckViolation, match="was moved"):
            migrations.mark(cluster.owner_url(fresh_database_name), "production")
        assert connection.execute("SELECT mode FROM installation").fetchall() == []


async def test_production_never_looks_at_the_offset(fresh_database: Database, fresh_world: World) -> None:
    await move_the_clock(fresh_world)
    async with fresh_database.session() as session:
        await open_unit_of_work(session, APP)
        assert clock.now() - clock.real() > timedelta(days=70)
        with in_force():
            await open_unit_of_work(session, APP)
            assert clock.now() - clock.real() < timedelta(seconds=1)


async def test_the_published_password_opens_nothing_in_production() -> None:
    with in_force():
        stored = passwords.hash_now(DEMO_PASSWORD)
        assert await passwords.verify(DEMO_PASSWORD, stored, "127.0.0.1") == (False, None)
        another = "quattro gatti sul tetto"
        assert await passwords.verify(another, passwords.hash_now(another), "127.0.0.1") == (True, None)
    right, _ = await passwords.verify(DEMO_PASSWORD, stored, "127.0.0.1")
    assert right is True
