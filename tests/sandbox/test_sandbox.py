import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app import clock, jobs
from app.db import Database
from app.mail import actions as mail
from tests.world import World

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def operator(world: World) -> dict[str, str]:
    return (await world.operator()).headers["operator"]


async def read_clock(client: httpx.AsyncClient, headers: dict[str, str]) -> datetime:
    answer = await client.get("/v1/sandbox/clock", headers=headers)
    assert answer.status_code == 200
    return datetime.fromisoformat(answer.json()["now"])


async def offset(world: World) -> timedelta:
    found: timedelta = await world.scalar("SELECT offset_interval FROM clock_offset")
    return found


async def write_mails(database: Database, *recipients: str) -> None:
    async with database.begin() as session:
        for recipient in recipients:
            await mail.send(session, mail.NewMail("test", recipient, "it", {"greeting": "Ciao"}))


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail template of the test's own: the product's change with its texts."""
    from jinja2 import DictLoader

    monkeypatch.setattr(mail._templates(), "loader", DictLoader({"it/test.txt.j2": "Oggetto\n{{ greeting }}\n"}))


async def test_clock_moves_to_an_instant_and_by_seconds(client: httpx.AsyncClient, world: World) -> None:
    headers = await operator(world)
    moved = await client.post("/v1/sandbox/clock", headers=headers, json={"now": "2026-12-24T10:00:00+01:00"})
    assert (moved.status_code, moved.json()) == (200, {"now": "2026-12-24T09:00:00Z"})
    christmas = await read_clock(client, headers)
    assert christmas >= datetime(2026, 12, 24, 9, tzinfo=UTC)
    before = await offset(world)
    assert (await client.post("/v1/sandbox/clock", headers=headers, json={"advance_seconds": 3600})).status_code == 200
    assert await offset(world) - before == timedelta(hours=1)
    assert await read_clock(client, headers) >= christmas + timedelta(hours=1)


async def test_clock_never_goes_back(client: httpx.AsyncClient, world: World) -> None:
    headers = await operator(world)
    await world.set_now(AT)
    before = await offset(world)
    answer = await client.post("/v1/sandbox/clock", headers=headers, json={"now": "2026-11-23T07:59:59Z"})
    assert (answer.status_code, answer.json()["code"]) == (409, "clock_backwards")
    assert datetime.fromisoformat(answer.json()["now"]) >= AT
    assert await offset(world) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "exactly_one"),
        ({"now": None, "advance_seconds": None}, "exactly_one"),
        ({"now": "2030-01-01T00:00:00Z", "advance_seconds": 1}, "exactly_one"),
        ({"now": "2030-01-01T00:00:00"}, "instant_naive"),
        ({"now": 1893456000}, "instant"),
        ({"now": "2101-01-01T00:00:00Z"}, "clock_out_of_range"),
        ({"advance_seconds": 3_200_000_000}, "clock_out_of_range"),
        ({"advance_seconds": 3_200_000_001}, "less_than_equal"),
        ({"advance_seconds": 0}, "greater_than_equal"),
        ({"advance_seconds": -1}, "greater_than_equal"),
        ({"advance_seconds": 5.0}, "int_type"),
        ({"advance_seconds": "5"}, "int_type"),
        ({"advance_seconds": True}, "int_type"),
        ({"advance_seconds": 1, "more": 1}, "extra_forbidden"),
    ],
)
async def test_unacceptable_moves_change_nothing(
    client: httpx.AsyncClient, world: World, body: dict[str, object], code: str
) -> None:
    headers = await operator(world)
    await world.set_now(AT)
    before = await offset(world)
    answer = await client.post("/v1/sandbox/clock", headers=headers, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert await offset(world) == before


async def test_moves_at_once_add_up(fresh_client: httpx.AsyncClient, fresh_world: World) -> None:
    headers = await operator(fresh_world)
    before = await offset(fresh_world)
    answers = await asyncio.gather(
        *(fresh_client.post("/v1/sandbox/clock", headers=headers, json={"advance_seconds": 60}) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    assert await offset(fresh_world) - before == timedelta(minutes=8)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/clock"), ("POST", "/clock"), ("POST", "/jobs/run"), ("GET", "/mail")],
)
async def test_only_the_operator_may(client: httpx.AsyncClient, world: World, method: str, path: str) -> None:
    operator_party = await world.operator()
    company = await world.company()
    body = {"json": {"advance_seconds": 1}} if path == "/clock" and method == "POST" else {}
    before = await offset(world)
    for headers, status in (
        (None, 401),
        (company.headers["hr"], 403),
        (operator_party.headers["finance"], 403),
    ):
        answer = await client.request(method, f"/v1/sandbox{path}", headers=headers, **body)
        assert answer.status_code == status
    assert await offset(world) == before


@pytest.mark.usefixtures("template")
async def test_mail_is_listed_newest_first_in_pages(
    client: httpx.AsyncClient, world: World, database: Database
) -> None:
    headers = await operator(world)
    await write_mails(database, "a@example.test", "b@example.test", "a@example.test")
    first = (await client.get("/v1/sandbox/mail?limit=2", headers=headers)).json()
    assert [row["to"] for row in first["data"]] == ["a@example.test", "b@example.test"]
    rest = (await client.get(f"/v1/sandbox/mail?limit=2&cursor={first['next_cursor']}", headers=headers)).json()
    assert [row["to"] for row in rest["data"]] == ["a@example.test"]
    assert rest["next_cursor"] is None
    assert first["data"][0] | {"id": ""} == {
        "id": "", "to": "a@example.test", "subject": "Oggetto", "text": "Ciao\n", "sent_at": None,
    }  # fmt: skip
    assert first["data"][0]["id"].startswith("mal_")
    one = (await client.get("/v1/sandbox/mail?to=b@example.test", headers=headers)).json()
    assert [row["to"] for row in one["data"]] == ["b@example.test"]
    foreign = await client.get(f"/v1/sandbox/mail?to=b@example.test&cursor={first['next_cursor']}", headers=headers)
    assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")


@pytest.mark.usefixtures("template")
async def test_jobs_run_sends_waiting_mail_and_counts(
    fresh_client: httpx.AsyncClient, fresh_world: World, fresh_database: Database
) -> None:
    headers = await operator(fresh_world)
    await write_mails(fresh_database, "a@example.test", "b@example.test")
    answer = await fresh_client.post("/v1/sandbox/jobs/run", headers=headers)
    assert (answer.status_code, answer.json()) == (
        200,
        {"ran": {"audit.chain": 1, "audit.export_head": 1, "mail.send": 2}},
    )
    assert await fresh_world.scalar("SELECT count(*) FROM outgoing_mail WHERE sent_at IS NULL") == 0
    again = await fresh_client.post("/v1/sandbox/jobs/run", headers=headers)
    assert again.json() == {"ran": {}}


@pytest.mark.usefixtures("template")
async def test_jobs_run_twice_at_once_sends_each_mail_once(
    fresh_client: httpx.AsyncClient, fresh_world: World, fresh_database: Database
) -> None:
    headers = await operator(fresh_world)
    await write_mails(fresh_database, *(f"{number}@example.test" for number in range(10)))
    answers = await asyncio.gather(*(fresh_client.post("/v1/sandbox/jobs/run", headers=headers) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    ended = await fresh_world.execute("SELECT status::text, attempts FROM procrastinate_jobs")
    assert [tuple(row) for row in ended] == [("succeeded", 1)] * 10


@pytest.mark.usefixtures("template")
async def test_a_rolled_back_change_leaves_no_job(fresh_database: Database, fresh_world: World) -> None:
    async with fresh_database.session() as session:
        await mail.send(session, mail.NewMail("test", "a@example.test", "it", {"greeting": "Ciao"}))
        await session.rollback()
    assert await fresh_world.scalar("SELECT count(*) FROM procrastinate_jobs") == 0


async def test_sweeps_run_in_order_of_due_instant_until_nothing_is_due(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    headers = await operator(fresh_world)
    await fresh_world.set_now(AT)
    waiting = {"early": [AT - timedelta(hours=3), AT - timedelta(hours=1)], "late": [AT - timedelta(hours=2)]}
    order: list[str] = []

    def sweep(name: str) -> jobs.Sweep:
        async def due(_session: object, now: datetime) -> datetime | None:
            return min((instant for instant in waiting[name] if instant <= now), default=None)

        async def run(_session: object, horizon: datetime) -> int:
            handled = [instant for instant in waiting[name] if instant <= horizon]
            waiting[name] = [instant for instant in waiting[name] if instant > horizon]
            order.extend([name] * len(handled))
            return len(handled)

        return jobs.Sweep(name, due, run)

    fresh_client._transport.app.state.sweeps = (sweep("late"), sweep("early"))  # type: ignore[attr-defined]
    answer = await fresh_client.post("/v1/sandbox/jobs/run", headers=headers)
    assert answer.json() == {"ran": {"early": 2, "late": 1}}
    assert order == ["early", "late", "early"]


async def test_business_time_reaches_the_worker(fresh_database: Database, fresh_world: World) -> None:
    await fresh_world.set_now(AT)
    with clock.moved(timedelta(0)):
        async with fresh_database.begin():
            seen = clock.now()
    assert AT <= seen < AT + timedelta(hours=1)
