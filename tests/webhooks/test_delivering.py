"""What receivers get, whatever they answer: signed, in order, again until it is taken, and nobody waits for another."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app import clock, config, ids
from app.db import Database
from app.jobs import WORKER_ROLE, run_sweeps
from app.webhooks import delivering, queries, retries
from app.webhooks.messages import message_of
from app.webhooks.models import PLACES
from app.webhooks.sending import Guarded, post
from tests.webhooks.receiver import Received, Receiver, listening, status
from tests.webhooks.stage import SWEEPS, Hooks, slots

DAY = timedelta(days=1)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = config.Settings(webhook_timeout_seconds=0.2)
    monkeypatch.setattr(delivering, "settings", lambda: chosen)


def outcome(delivery: dict[str, Any]) -> tuple[object, ...]:
    return tuple(delivery[name] for name in ("status", "attempts", "answer_status", "problem"))


async def test_an_event_arrives_signed_and_thin_and_only_what_was_chosen(hooks: Hooks, receiver: Receiver) -> None:
    before = await hooks.happened(*slots(1))
    assert (await hooks.run())["events.number"] == 1
    endpoint = await hooks.endpoint(receiver.url)
    (slot,) = await hooks.happened(*slots(1))
    await hooks.happened(*slots(1), type_="settlement.issued")
    ran = await hooks.run()
    assert {name: ran[name] for name in ran if name.startswith("webhooks")} == {
        "webhooks.deliver": 1, "webhooks.plan": 2, "webhooks.send": 1,
    }  # fmt: skip
    (message,) = receiver.received
    body = message.verified(endpoint["secret"])
    assert body == {
        "id": message.event_id,
        "type": "slot.cancelled",
        "created_at": body["created_at"],
        "data": {"id": ids.encode("slt", slot), "object": "slot"},
    }
    assert message.head == "POST /hooks HTTP/1.1"
    assert message.headers["content-type"] == "application/json"
    (delivery,) = await hooks.deliveries(endpoint["id"])
    assert delivery["event"] == body
    assert outcome(delivery) == ("delivered", 1, 204, None)
    feed = f"/v1/organisations/{hooks.provider.public_id}/events"
    shown = (await hooks.client.get(feed, headers=hooks.provider.headers["manager"])).json()["data"]
    assert [event["data"]["id"] for event in shown[:1]] == [ids.encode("slt", before[0])]
    assert shown[1] == body
    assert "webhooks.deliver" not in await hooks.run()


async def test_both_secrets_sign_while_one_replaces_the_other(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = await hooks.endpoint(receiver.url)
    rotated = (await hooks.ask("POST", endpoint["id"], "rotate_secret", json={"overlap_hours": 24})).json()
    assert rotated["secret"] != endpoint["secret"]
    await hooks.happened(*slots(1))
    await hooks.run()
    assert receiver.received[0].verified(endpoint["secret"]) == receiver.received[0].verified(rotated["secret"])
    await hooks.let_pass(endpoint["id"], DAY)
    await hooks.happened(*slots(1))
    await hooks.run()
    assert receiver.received[1].verified(rotated["secret"])["type"] == "slot.cancelled"
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1


async def test_of_one_object_events_keep_their_order_and_the_others_go_on(hooks: Hooks) -> None:
    """The first event of a slot is refused once: its second waits for it, another slot's does not."""
    first, second = slots(2)
    refused: list[str] = []

    def once(message: Received) -> bytes:
        if not refused:
            refused.append(message.event_id)
            return status("500 Broken")
        return status("200 OK")

    async with listening(once) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.happened(first, first, second)
        await hooks.run()
        assert [message.event()["data"]["id"] for message in receiver.received] == [ids.encode("slt", first)]
        assert outcome((await hooks.deliveries(endpoint["id"]))[0]) == ("pending", 1, 500, "answer")
        await hooks.let_pass(endpoint["id"], timedelta(seconds=3))  # the rest is over, the retry not yet due
        await hooks.run()
        assert [message.event()["data"]["id"] for message in receiver.received[1:]] == [ids.encode("slt", second)]
        await hooks.let_pass(endpoint["id"], timedelta(seconds=10))
        await hooks.run()
    log = await hooks.deliveries(endpoint["id"])
    expected = [log[0], log[2], log[0], log[1]]
    assert [message.event_id for message in receiver.received] == [row["event"]["id"] for row in expected]
    assert receiver.received[0].body == receiver.received[2].body
    assert [outcome(row) for row in log] == [
        ("delivered", 2, 200, None), ("delivered", 1, 200, None), ("delivered", 1, 200, None),
    ]  # fmt: skip


async def test_events_of_one_object_are_read_together_but_not_past_one_that_waits(
    hooks: Hooks, fresh_worker: Database
) -> None:
    endpoint_id = ids.decode("whe", (await hooks.endpoint("http://127.0.0.1:9/"))["id"])
    first, second = slots(2)
    await hooks.happened(first, first, second, first)
    await run_sweeps(fresh_worker, SWEEPS)

    async def due() -> list[UUID]:
        async with fresh_worker.begin(WORKER_ROLE) as session:
            found = await queries.DUE.all(session, endpoint_id=endpoint_id, now=clock.real(), limit=9)
        return [each.object_id for each in found]

    assert await due() == [first, first, second, first]
    later = "UPDATE webhook_delivery SET next_attempt_at = next_attempt_at + interval '1 hour' WHERE position = :at"
    start = await hooks.world.scalar("SELECT min(position) FROM webhook_delivery")
    await hooks.world.execute(later, at=start + 1)
    assert await due() == [first, second]


async def test_a_redirect_is_a_failure_and_is_not_followed(hooks: Hooks, receiver: Receiver) -> None:
    def away(_message: Received) -> bytes:
        return status("302 Found", f"Location: {receiver.url}")

    async with listening(away) as redirecting:
        endpoint = await hooks.endpoint(redirecting.url)
        await hooks.happened(*slots(1))
        await hooks.run()
    assert (len(redirecting.received), receiver.connections) == (1, 0)
    assert [outcome(row) for row in await hooks.deliveries(endpoint["id"])] == [("pending", 1, 302, "answer")]


async def test_silence_ends_and_ten_megabytes_are_not_read(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000
    async with (
        listening(lambda _message: None) as silent,
        listening(lambda _message: huge) as large,
        listening(lambda _message: b"SSH-2.0-x\r\n\r\n") as strange,
    ):
        made = [await hooks.endpoint(each.url) for each in (silent, large, strange)]
        await hooks.happened(*slots(1))
        await hooks.run()
        await large.ended.wait()
        assert large.broken_off == 1
    log = [outcome(row) for endpoint in made for row in await hooks.deliveries(endpoint["id"])]
    assert log == [
        ("pending", 1, None, "timeout"), ("delivered", 1, 200, None), ("pending", 1, None, "unreadable"),
    ]  # fmt: skip


async def test_gone_ends_an_endpoint_and_its_administrators_are_told(hooks: Hooks) -> None:
    async with listening(lambda _message: status("410 Gone")) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.happened(*slots(3))
        await hooks.run()
        assert len(receiver.received) == 1
    read = (await hooks.ask("GET", endpoint["id"])).json()
    assert (read["status"], read["disabled_reason"]) == ("disabled", "gone")
    assert [outcome(row) for row in await hooks.deliveries(endpoint["id"])] == [
        ("failed", 1, 410, "endpoint_ended"),
        ("failed", 0, None, "endpoint_ended"),
        ("failed", 0, None, "endpoint_ended"),
    ]  # fmt: skip
    told = await hooks.world.execute("SELECT recipient, subject, text FROM outgoing_mail ORDER BY id DESC LIMIT 1")
    assert told[0].subject == f"Un indirizzo per gli avvisi di {hooks.provider.name} è stato spento"
    assert f"{receiver.url} ha risposto di non esistere più (410)." in told[0].text
    entry = "SELECT actor_kind FROM audit_entry WHERE action = 'webhook_endpoint.disable' AND object_id = :id"
    assert await hooks.world.scalar(entry, id=ids.decode("whe", endpoint["id"])) == "system"


async def test_what_fails_for_three_days_is_switched_off_and_starts_anew_when_switched_on(hooks: Hooks) -> None:
    answers = {"now": status("503 Busy", "Retry-After: 120")}
    async with listening(lambda _message: answers["now"]) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.happened(*slots(1))
        await hooks.run()
        rest = "SELECT rest_until > :then FROM webhook_endpoint"
        assert await hooks.world.scalar(rest, then=clock.real() + timedelta(seconds=100))
        await hooks.let_pass(endpoint["id"], 3 * DAY)
        await hooks.run()
        assert (await hooks.ask("GET", endpoint["id"])).json()["disabled_reason"] == "failing"
        answers["now"] = status("200 OK")
        await hooks.happened(*slots(1))
        assert "webhooks.plan" not in await hooks.run()
        etag = (await hooks.ask("GET", endpoint["id"])).headers["etag"]
        on = await hooks.ask("PATCH", endpoint["id"], json={"enabled": True}, headers={"If-Match": etag})
        assert (on.json()["status"], on.json()["failing_since"]) == ("active", None)
        (last,) = await hooks.happened(*slots(1))
        await hooks.run()
        assert receiver.received[-1].event()["data"]["id"] == ids.encode("slt", last)
        assert len(receiver.received) == 3
        missed = (await hooks.deliveries(endpoint["id"]))[0]
        assert outcome(missed) == ("failed", 2, 503, "endpoint_ended")
        again = await hooks.ask("POST", endpoint["id"], "deliveries", missed["id"], "redeliver")
        assert (again.status_code, outcome(again.json())) == (200, ("pending", 0, 503, "endpoint_ended"))
        await hooks.run()
        assert receiver.received[-1].event_id == receiver.received[0].event_id == missed["event"]["id"]
        assert receiver.received[-1].body == receiver.received[0].body


def test_ten_tries_take_about_three_days_and_a_rest_five_minutes() -> None:
    now = clock.real()
    tries = [retries.next_attempt(attempts, now) for attempts in range(1, 11)]
    assert tries[9] is None
    waits = [(each - now).total_seconds() for each in tries if each is not None]
    for wait, planned in zip(waits, (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400), strict=True):
        assert 0.8 * planned <= wait <= 1.2 * planned
    assert timedelta(minutes=4) <= retries.rest(1_000_000, 0) <= timedelta(minutes=6)
    assert retries.rest(1, 3_600) == timedelta(hours=1)
    assert retries.reason_to_end(500, now - 3 * DAY + timedelta(seconds=1), now) is None
    assert retries.reason_to_end(None, now - 3 * DAY, now) == "failing"
    assert retries.reason_to_end(410, now, now) == "gone"


async def test_a_worker_that_dies_before_its_note_sends_the_same_again(
    hooks: Hooks, fresh_worker: Database, receiver: Receiver
) -> None:
    endpoint = await hooks.endpoint(receiver.url)
    await hooks.happened(*slots(1))
    await run_sweeps(fresh_worker, SWEEPS)
    at = clock.real()
    async with fresh_worker.begin(WORKER_ROLE) as session:
        (due,) = await queries.DUE.all(session, endpoint_id=ids.decode("whe", endpoint["id"]), now=at, limit=9)
    assert (await post(message_of(due, at), Guarded(loopback=True), seconds=5)).status == 204  # and dies
    # Two more that read the same: whoever notes first counts.
    receiver.answer = lambda _message: status("500 Broken")
    assert [await delivering.attempt(fresh_worker, due) for _ in range(2)] == [False, False]
    assert [outcome(row) for row in await hooks.deliveries(endpoint["id"])] == [("pending", 1, 500, "answer")]
    receiver.answer = lambda _message: status("200 OK")
    await hooks.let_pass(endpoint["id"], timedelta(minutes=1))
    await hooks.run()
    assert await delivering.attempt(fresh_worker, due)
    assert [outcome(row) for row in await hooks.deliveries(endpoint["id"])] == [("delivered", 2, 200, None)]
    assert len(receiver.received) == 5
    assert len({(message.event_id, message.body) for message in receiver.received}) == 1


async def test_one_endpoint_has_one_errand_whoever_sends_them(
    hooks: Hooks, fresh_worker: Database, receiver: Receiver
) -> None:
    """Two workers plan and send at once; while an errand waits or runs, no other comes."""
    endpoint = await hooks.endpoint(receiver.url)
    for _ in range(2):
        await hooks.happened(*slots(30))
        await asyncio.gather(*(run_sweeps(fresh_worker, SWEEPS) for _ in range(2)), return_exceptions=True)
    jobs = "SELECT queue_name, lock, queueing_lock, status::text FROM procrastinate_jobs WHERE queue_name = 'webhooks'"
    async with fresh_worker.begin(WORKER_ROLE) as session:
        connection = await session.connection()
        found = (await connection.exec_driver_sql(jobs)).all()
    name = f"webhooks.deliver {ids.decode('whe', endpoint['id'])}"
    assert [tuple(row) for row in found] == [("webhooks", name, name, "todo")]
    await hooks.run()
    log = await hooks.deliveries(endpoint["id"])
    assert [message.event_id for message in receiver.received] == [row["event"]["id"] for row in log]
    assert len(log) == 60


async def test_who_failed_waits_in_the_slow_lane(hooks: Hooks, fresh_worker: Database) -> None:
    async with listening(lambda _message: status("500 Broken")) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.happened(*slots(1))
        await hooks.run()
        await hooks.let_pass(endpoint["id"], timedelta(minutes=1))
        await run_sweeps(fresh_worker, SWEEPS)
    lanes = "SELECT queue_name FROM procrastinate_jobs WHERE task_name = 'webhooks.deliver' ORDER BY id"
    async with fresh_worker.begin(WORKER_ROLE) as session:
        connection = await session.connection()
        assert (await connection.exec_driver_sql(lanes)).scalars().all() == ["webhooks", "webhooks_slow"]


async def test_a_seventeenth_endpoint_is_refused_by_the_database_too(hooks: Hooks) -> None:
    for _ in PLACES:
        await hooks.endpoint("http://127.0.0.1:9/")
    body = {"url": "http://127.0.0.1:9/", "event_types": ["slot.cancelled"]}
    answer = await hooks.ask("POST", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")
    for place, name in ((17, "webhook_endpoint_place_known"), (16, "webhook_endpoint_place_key")):
        with pytest.raises(Exception, match=name):
            await hooks.world.execute("UPDATE webhook_endpoint SET place = :place WHERE place = 1", place=place)
    last = (await hooks.ask("GET")).json()["data"][0]["id"]
    assert (await hooks.ask("DELETE", last)).status_code == 204
    assert (await hooks.ask("GET", last)).status_code == 404
    assert (await hooks.ask("POST", json=body)).status_code == 201
