"""A22, B: keys that do not fit what is stored, a rotation without end, plain facts, open pages, bare answers."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import httpx
import psycopg
import pytest
from alembic import command
from sqlalchemy import text

import migrations
from app import api, cli, clock, config, ids, sealing
from app.beneficiaries.details import Details, StoredCertificate, StoredPeriod, open_details
from app.bookings.jobs import forget_quotes
from app.db import Database, Model
from app.edge import idempotency
from app.http.middleware import SECURITY_HEADERS
from app.installation import keys
from app.jobs import run_sweeps
from app.mail import actions as mail
from app.mail import jobs as mail_jobs
from app.main import create_app
from migrations.roles import ensure_roles
from migrations.tables import load_models
from tests.bookings.scene import NOW, make_scene
from tests.conftest import Beatrice, Cluster
from tests.people import employees_url, hire
from tests.production import in_force, random_key
from tests.world import Party, World
from tests.world.given import EMPLOYEE
from tests.world.people import fiscal_code

UNKNOWN = "substr(sha256('unknown'), 1, 4) || substr({0}, 5)"
KEY_ID = "substr(sealed_fiscal_code, 1, 4)"


@contextmanager
def secret_keys(*names: str) -> Iterator[None]:
    """Let the sandbox use keys of its own, newest first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEATRICE_SECRET_KEYS", ",".join(random_key(name) for name in names))
        config.settings.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            config.settings.cache_clear()


async def company_with_people(world: World, client: httpx.AsyncClient, count: int) -> Party:
    company = await world.company()
    for number in range(count):
        await hire(client, company, fiscal_code=fiscal_code(number), email=None)
    return company


# What a key does not open


async def test_a_row_that_no_key_opens_is_no_server_error(client: httpx.AsyncClient, world: World) -> None:
    company = await company_with_people(world, client, 2)
    change = UNKNOWN.format("sealed_fiscal_code")
    await world.execute(
        f"UPDATE employee SET sealed_fiscal_code = {change} WHERE id = (SELECT id FROM employee ORDER BY id LIMIT 1)"
    )
    answer = await client.get(employees_url(company), headers=company.headers["hr"])
    assert (answer.status_code, answer.json()["code"]) == (503, "unreadable")
    assert int(answer.headers["retry-after"]) > 0


async def test_production_does_not_start_with_keys_that_do_not_fit(
    cluster: Cluster, fresh_database_name: str, fresh_world: World, fresh_client: httpx.AsyncClient
) -> None:
    url = cluster.owner_url(fresh_database_name)
    await company_with_people(fresh_world, fresh_client, 2)
    await cli._check_database(url)
    with secret_keys("another"), pytest.raises(cli.Refused) as refused:
        await cli._check_database(url)
    missing = sealing.key_id(0).hex()
    assert str(refused.value) == (
        "BEATRICE_SECRET_KEYS do not fit this database:\n"
        f"employee.sealed_fiscal_code: nothing opens what key {missing} sealed"
    )


def test_every_sealed_column_is_checked_and_sealed_anew() -> None:
    load_models()
    columns = {
        (table.fullname, column.name)
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed_")
    }
    assert {(sealed.table, sealed.column) for sealed in api.SEALED} == columns
    assert len(api.SEALED) == len(columns)


def test_two_keys_of_one_id_are_both_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "key_id", lambda _index: b"same")
    with secret_keys("old"):
        sealed = sealing.encrypt("test", b"kept")
    with secret_keys("new", "old"):
        assert sealing.decrypt("test", sealed) == b"kept"


# A rotation that ends


async def test_after_a_rotation_the_old_key_can_go(
    cluster: Cluster, fresh_database_name: str, fresh_world: World, fresh_client: httpx.AsyncClient
) -> None:
    url = cluster.owner_url(fresh_database_name)
    with secret_keys("old"):
        scene = await make_scene(fresh_world, fresh_client)
        quote = (await scene.quote([await scene.slot(NOW + timedelta(days=9))])).json()
        wish = {"quote_id": quote["id"], "note": "Suonare due volte"}
        booking = await fresh_client.post("/v1/me/bookings", json=wish, headers=scene.person.headers | scene.key())
        assert booking.status_code == 201, booking.text
        company = scene.company
        hired = await hire(fresh_client, company, email=None)
        top_up = {"amount_cents": 5_00}
        once = company.headers["hr"] | {"Idempotency-Key": "once"}
        first = await fresh_client.post(f"/v1/companies/{company.public_id}/top_ups", json=top_up, headers=once)
        assert first.status_code == 201, first.text
        old = sealing.key_id(0)
    with secret_keys("new", "old"), pytest.raises(cli.Refused, match=r"older key; run `beatrice reseal`"):
        await cli._check_database(url)
    with secret_keys("new", "old"):
        assert await cli._reseal(url) == {}
    for sealed in api.SEALED:
        used = f"SELECT count(*) FROM {sealed.table} WHERE substr({sealed.column}, 1, 4) = :old"
        assert (sealed, await fresh_world.scalar(used, old=old)) == (sealed, 0)
    with secret_keys("new"):
        await cli._check_database(url)
        got = await fresh_client.get(employees_url(company, f"/{hired['id']}"), headers=company.headers["hr"])
        assert got.json() == hired
        again = await fresh_client.post(employees_url(company), json=EMPLOYEE, headers=company.headers["hr"])
        assert (again.status_code, again.json()["code"]) == (409, "employee_exists")
        mine = await fresh_client.get(f"/v1/me/bookings/{booking.json()['id']}", headers=scene.person.headers)
        assert mine.json()["note"] == "Suonare due volte"
        replay = await fresh_client.post(f"/v1/companies/{company.public_id}/top_ups", json=top_up, headers=once)
        assert (replay.content, replay.headers["idempotent-replayed"]) == (first.content, "true")


def test_reseal_says_what_may_go(beatrice: Beatrice, cluster: Cluster, fresh_database_name: str) -> None:
    done = beatrice("reseal", DATABASE_URL=cluster.owner_url(fresh_database_name))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "Everything is sealed with the newest key: the older ones may go.\n"


async def test_resealing_goes_on_where_it_was_broken_off(
    fresh_world: World,
    fresh_client: httpx.AsyncClient,
    cluster: Cluster,
    fresh_database_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "BATCH", 2)
    (employees,) = [sealed for sealed in api.SEALED if sealed.table == "employee"]
    with secret_keys("old"):
        await company_with_people(fresh_world, fresh_client, 5)
    waiting = f"SELECT count(*) FROM employee WHERE {KEY_ID} <> :newest"
    async with cli.open_database(cluster.owner_url(fresh_database_name), cli.WORKER_TIMEOUTS) as database:
        with secret_keys("new", "old"):
            newest = sealing.key_id(0)
            async for batch in keys.reseal(database, employees):
                assert (batch.resealed, batch.unreadable) == (2, 0)
                break
            assert await fresh_world.scalar(waiting, newest=newest) == 3
            assert [batch.resealed async for batch in keys.reseal(database, employees)] == [2, 1]
            assert await fresh_world.scalar(waiting, newest=newest) == 0
            assert [batch.resealed async for batch in keys.reseal(database, employees)] == [0]


async def test_what_no_key_opens_is_left_and_told(
    cluster: Cluster, fresh_database_name: str, fresh_world: World, fresh_client: httpx.AsyncClient
) -> None:
    with secret_keys("lost"):
        await company_with_people(fresh_world, fresh_client, 1)
    with secret_keys("old"):
        await company_with_people(fresh_world, fresh_client, 2)
    before = await fresh_world.execute("SELECT sealed_fiscal_code FROM employee ORDER BY id LIMIT 1")
    with secret_keys("new", "old"):
        left = await cli._reseal(cluster.owner_url(fresh_database_name))
    assert left == {"employee.sealed_fiscal_code": 1}
    assert await fresh_world.execute("SELECT sealed_fiscal_code FROM employee ORDER BY id LIMIT 1") == before


# What is stored plain, and for how long


# Raw, here and below: rows of the first migration, which today's product cannot write.
PLAIN = """
    INSERT INTO care.beneficiary (id, user_id, relation, given_name, family_name, birth_date, phone, street, postcode,
        cohabitation, dependent_years, certificates, created_at)
    VALUES (%s, %s, 'parent', 'Maria', 'Esempio', '1948-03-01', '035 1', 'Via Mazzini 2', '24021',
        '[{"from": "2020-01-01", "to": null}]', '{2025,2026}',
        '[{"kind": "non_self_sufficient", "valid_from": "2024-01-01", "valid_to": null}]', %s)
"""


def test_the_migration_seals_what_stood_plain(cluster: Cluster) -> None:
    name = f"{cluster.template}_plain"
    with cluster.admin() as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    cluster.made.append(name)
    url = cluster.owner_url(name)
    user_id, row_id = ids.new_id(), ids.new_id()
    print_, body = b"f" * 32, json.dumps({"status": 201, "headers": {}, "body": base64.b64encode(b"{}").decode()})
    try:
        with psycopg.connect(migrations.plain(url), autocommit=True) as connection:
            ensure_roles(connection)
        command.upgrade(migrations.configuration(url), "0001")
        with psycopg.connect(migrations.plain(url), autocommit=True) as connection:
            connection.execute(
                "INSERT INTO user_account (id, email, password_hash, created_at) VALUES (%s, 'a@b.test', '!', %s)",
                [user_id, NOW],
            )
            connection.execute(PLAIN, [row_id, user_id, NOW])
            connection.execute(
                "INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)"
                " VALUES (%s, 'k', %s, %s, %s)",
                [user_id, print_, sealing.encrypt("idempotency", body.encode(), user_id.bytes), NOW],
            )
        migrations.upgrade(url)
        with cluster.admin(name) as connection:
            (details,) = connection.execute("SELECT sealed_details FROM care.beneficiary").fetchall()
            (answer,) = connection.execute("SELECT sealed_answer FROM idempotency_key").fetchall()
    finally:
        cluster.drop(name)
    assert open_details(details[0], row_id) == Details(
        birth_date=date(1948, 3, 1),
        phone="035 1",
        street="Via Mazzini 2",
        postcode="24021",
        cohabitation=(StoredPeriod(date(2020, 1, 1), None),),
        dependent_years=(2025, 2026),
        certificates=(StoredCertificate("non_self_sufficient", date(2024, 1, 1), None),),
    )
    assert idempotency.replay(user_id, "k", print_, answer[0]).body == b"{}"


async def test_a_stored_answer_does_not_move_to_another_key(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    """Somebody who writes the database gives one answer for another of the same caller."""
    company = await fresh_world.company()
    url, hr = f"/v1/companies/{company.public_id}/top_ups", company.headers["hr"]
    for name, cents in (("small", 1_00), ("large", 1_000_00)):
        made = await fresh_client.post(url, json={"amount_cents": cents}, headers=hr | {"Idempotency-Key": name})
        assert made.status_code == 201, made.text
    moved = (
        "WITH large AS (SELECT sealed_answer FROM idempotency_key WHERE key = 'large')"
        " INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)"
        " SELECT principal_id, 'moved', fingerprint, (SELECT sealed_answer FROM large), created_at"
        " FROM idempotency_key WHERE key = 'small'"
    )
    await fresh_world.execute(moved)
    answer = await fresh_client.post(url, json={"amount_cents": 1_00}, headers=hr | {"Idempotency-Key": "moved"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unreadable")
    assert await fresh_world.scalar("SELECT count(*) FROM top_up") == 2


async def test_mails_are_emptied_and_forgotten(fresh_world: World, fresh_worker: Database) -> None:
    values = {"public_url": "http://beatrice.test", "token": "s3cret"}
    for recipient in ("sent@example.test", "unsent@example.test"):
        async with fresh_world.database.begin() as session:
            await mail.send(session, mail.NewMail("password_reset", recipient, "it", values))
    sent = await fresh_world.scalar("SELECT id FROM outgoing_mail WHERE recipient = 'sent@example.test'")
    async with fresh_worker.begin("beatrice_worker") as session:
        await mail.deliver(session, sent)
    left = "SELECT recipient, text <> '' FROM outgoing_mail ORDER BY recipient"
    both = [("sent@example.test", True), ("unsent@example.test", True)]
    emptied = [both[0], ("unsent@example.test", False)]
    ages: list[tuple[timedelta, dict[str, int], list[tuple[str, bool]]]] = [
        (timedelta(days=7) - timedelta(minutes=5), {}, both),
        (timedelta(days=7, minutes=5), {"mail.forget": 1}, emptied),
        (timedelta(days=90) - timedelta(minutes=5), {}, emptied),
        (timedelta(days=90, minutes=5), {"mail.forget": 2}, []),
    ]
    for age, ran, kept in ages:
        async with fresh_worker.begin("beatrice_worker") as session:
            await session.execute(text("UPDATE outgoing_mail SET created_at = :at"), {"at": clock.real() - age})
        assert await run_sweeps(fresh_worker, mail_jobs.SWEEPS) == {}
        with in_force():
            assert await run_sweeps(fresh_worker, mail_jobs.SWEEPS) == ran
            assert await run_sweeps(fresh_worker, mail_jobs.SWEEPS) == {}
        assert await fresh_world.execute(left) == kept


async def test_quotes_that_nobody_booked_are_forgotten(
    fresh_world: World, fresh_client: httpx.AsyncClient, fresh_worker: Database
) -> None:
    scene = await make_scene(fresh_world, fresh_client)
    slot = await scene.slot(NOW + timedelta(days=9), capacity=5)
    booking = await scene.book([slot])
    assert (await scene.quote([slot])).status_code == 201
    await scene.world.set_now(NOW + timedelta(days=29))
    assert await forget_quotes(fresh_worker) == 0
    await scene.world.set_now(NOW + timedelta(days=31))
    assert await forget_quotes(fresh_worker) == 1
    kept = await scene.world.execute("SELECT b.id FROM care.quote q JOIN care.booking b ON b.quote_id = q.id")
    assert [ids.encode("bkg", row[0]) for row in kept] == [booking["id"]]
    assert await forget_quotes(fresh_worker) == 0


# What an answer carries, and what production shows


EXPECTED = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/v1/nothing", 404), ("/v1/me", 401), ("/v1/municipalities", 200), ("/v1/" + "a" * 9_000, 414)],
)
async def test_every_answer_is_closed_to_other_pages(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    assert {name.lower() for name in SECURITY_HEADERS} == {*EXPECTED, "cache-control"}


PAGES = ("/", "/docs", "/docs/static/docs.js", "/openapi.json", "/metrics")


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({}, (200, 404, 404, 404, 404)),
        ({"BEATRICE_SERVE_DOCS": "true"}, (200, 200, 200, 200, 404)),
        ({"BEATRICE_SERVE_METRICS": "true"}, (200, 404, 404, 404, 200)),
    ],
)
async def test_production_shows_its_pages_only_where_told(
    database: Database, changes: dict[str, str], statuses: tuple[int, ...]
) -> None:
    with in_force(**changes):
        app = create_app(database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://beatrice.test") as client:
        assert tuple([(await client.get(path)).status_code for path in PAGES]) == statuses
        assert (await client.get("/livez")).status_code == 200


async def test_production_says_nothing_of_a_sandbox(database: Database) -> None:
    with in_force():
        document = json.dumps(create_app(database).openapi())
    assert "/v1/me/bookings" in document
    assert "sandbox" not in document.lower()


async def test_a_token_does_not_stay_in_the_browser(client: httpx.AsyncClient) -> None:
    assert "persistAuthorization: false" in (await client.get("/docs/static/docs.js")).text
