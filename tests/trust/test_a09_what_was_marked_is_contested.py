"""A9: nobody could contest a delivery or a no-show, and nobody was told."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import api, ids
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.bookings.scene import Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 10, 9, tzinfo=UTC)
ENDS = VISIT + timedelta(hours=1)
REASON = "La signora era in ospedale: nessuno è venuto."


@pytest.fixture
async def scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    return await make_scene(fresh_world, fresh_client)


@pytest.fixture
async def from_credit(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    return await make_scene(fresh_world, fresh_client, fee_funding="from_credit")


async def marked(scene: Scene, verb: str, count: int = 1, at: datetime = VISIT) -> dict[str, Any]:
    """Book so many units of one instant and let the provider mark them an hour after they ended."""
    booking = await scene.confirmed([await scene.slot(at) for _ in range(count)])
    await scene.world.set_now(at + timedelta(hours=2))
    answer = await scene.theirs(booking["id"], verb)
    assert answer.status_code == 200, answer.text
    return booking


async def dispute(scene: Scene, booking: dict[str, Any], *places: int) -> httpx.Response:
    chosen = [booking["units"][place]["id"] for place in places or range(len(booking["units"]))]
    return await scene.mine(booking["id"], "disputes", {"unit_ids": chosen, "reason": REASON})


async def opened(scene: Scene, booking: dict[str, Any], *places: int) -> dict[str, Any]:
    answer = await dispute(scene, booking, *places)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def units(scene: Scene, booking: dict[str, Any]) -> list[tuple[Any, ...]]:
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    return [
        (unit["status"], unit["disputed"], unit["refunded_cents"], unit["own_money_due_cents"])
        for unit in read.json()["units"]
    ]


async def owed(scene: Scene) -> list[tuple[str, int, bool]]:
    """(kind, cents, blocked) of everything owed, oldest first."""
    rows = await scene.world.execute("SELECT kind, gross_cents, blocked FROM payable ORDER BY created_at, id")
    return [tuple(row) for row in rows]


async def sound(worker: Database) -> None:
    async with worker.begin("beatrice_worker") as session:
        assert (await verify(session, api.PASSES)).differences == []


async def test_a_disputed_delivery_is_frozen_until_it_is_decided(scene: Scene, fresh_worker: Database) -> None:
    booking = await marked(scene, "deliver")
    assert await scene.lots() == ((97_50, 0), (300_00, 0))
    made = await opened(scene, booking)
    assert (made["status"], made["contested_cents"], made["refund_cents"]) == ("open", 22_50, None)
    assert made["decide_by"] == (datetime.fromisoformat(made["created_at"]) + timedelta(days=14)).isoformat().replace(
        "+00:00", "Z"
    )
    assert await units(scene, booking) == [("delivered", True, 0, 0)]
    theirs = await scene.client.get(
        f"/v1/providers/{scene.provider.public_id}/bookings/{booking['id']}", headers=scene.provider.headers["manager"]
    )
    assert theirs.json()["units"][0]["disputed"] is True
    assert REASON not in theirs.text
    await scene.world.set_now(VISIT + timedelta(days=9))
    assert "bookings.complete_delivered" not in await run_sweeps(fresh_worker, SWEEPS)
    for answer in (await scene.theirs(booking["id"], "revert"), await scene.mine(booking["id"], "acknowledge")):
        assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")
    assert (await units(scene, booking), await owed(scene)) == ([("delivered", True, 0, 0)], [])

    decided = await scene.decide(made["id"], outcome="upheld")
    assert (decided.status_code, decided.json()["status"], decided.json()["refund_cents"]) == (200, "upheld", 22_50)
    assert await units(scene, booking) == [("completed", False, 22_50, 0)]
    assert (await scene.lots(), await owed(scene)) == (((120_00, 0), (300_00, 0)), [])
    read = (await scene.client.get(f"/v1/me/disputes/{made['id']}", headers=scene.person.headers)).json()
    assert (read["status"], read["reason"], read["decision"]) == ("upheld", REASON, "sentite le parti")
    events = await scene.world.execute("SELECT type FROM event WHERE object_kind = 'booking' ORDER BY id")
    assert [row[0] for row in events][-4:] == [
        "booking.delivered", "booking.disputed", "booking.dispute_decided", "booking.completed",
    ]  # fmt: skip
    await sound(fresh_worker)


async def test_upheld_in_part_the_rest_completes(scene: Scene, fresh_worker: Database) -> None:
    booking = await marked(scene, "deliver", 2)
    made = await opened(scene, booking)
    await scene.world.set_now(VISIT + timedelta(days=9))
    for refused in ({}, {"refund_cents": 0}, {"refund_cents": 45_00}):
        answer = await scene.decide(made["id"], outcome="partly_upheld", **refused)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_in_part")
    assert await units(scene, booking) == [("delivered", True, 0, 0)] * 2
    await scene.decide(made["id"], outcome="partly_upheld", refund_cents=15_01)
    assert await units(scene, booking) == [("completed", False, 7_51, 0), ("completed", False, 7_50, 0)]
    assert await scene.lots() == ((120_00 - 45_00 + 15_01, 0), (300_00, 0))
    assert sorted(await owed(scene)) == [("service", 14_99, False), ("service", 15_00, False)]
    await sound(fresh_worker)


async def test_rejected_nothing_comes_back(scene: Scene, fresh_worker: Database) -> None:
    booking = await marked(scene, "deliver")
    made = await opened(scene, booking)
    answer = await scene.decide(made["id"], outcome="rejected", refund_cents=1)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_the_outcome")
    await scene.decide(made["id"], outcome="rejected")
    # The acknowledgement time goes on; the provider can neither take back the mark nor make a new one.
    assert await units(scene, booking) == [("delivered", False, 0, 0)]
    revert = await scene.theirs(booking["id"], "revert")
    assert (revert.status_code, revert.json()["code"]) == (409, "state_conflict")
    await scene.world.set_now(VISIT + timedelta(days=6))
    await run_sweeps(fresh_worker, SWEEPS)
    assert (await scene.lots(), await owed(scene)) == (((97_50, 0), (300_00, 0)), [("service", 22_50, False)])
    again = await dispute(scene, booking)
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    twice = await scene.decide(made["id"], outcome="upheld")
    assert (twice.status_code, twice.json()["code"], twice.json()["state"]) == (409, "already_resolved", "rejected")
    assert await scene.lots() == ((97_50, 0), (300_00, 0))
    await sound(fresh_worker)


async def test_e15_won_after_the_lot_expired(scene: Scene, fresh_worker: Database) -> None:
    booking = await marked(scene, "deliver", at=datetime(2026, 12, 29, 9, tzinfo=UTC))
    await scene.world.set_now(datetime(2027, 1, 2, 9, tzinfo=UTC))
    await run_sweeps(fresh_worker, SWEEPS)
    made = await opened(scene, booking)
    await scene.world.set_now(datetime(2027, 1, 5, 9, tzinfo=UTC))
    await scene.decide(made["id"], outcome="upheld")
    rows = await scene.world.execute("SELECT amount_cents, expires_on FROM lot WHERE kind = 'grace'")
    assert [tuple(row) for row in rows] == [(22_50, date(2027, 3, 6))]
    assert await scene.lots() == ((0, 0), (300_00, 0))
    await sound(fresh_worker)


async def test_what_was_owed_before_the_sweep_ran_waits_and_is_settled_later(
    scene: Scene, fresh_worker: Database
) -> None:
    """Completed by its deadline, disputed before the worker came: owed, but in no settlement meanwhile."""
    booking = await marked(scene, "deliver")
    await scene.world.set_now(VISIT + timedelta(days=9))
    made = await opened(scene, booking)
    assert (await units(scene, booking), await owed(scene)) == (
        [("completed", True, 0, 0)], [("service", 22_50, True)],
    )  # fmt: skip
    assert await settle(scene, "2026-12-18") == []
    await scene.decide(made["id"], outcome="partly_upheld", refund_cents=2_50)
    assert await settle(scene, "2026-12-19") == [("adjustment", -2_50), ("service", 22_50)]
    assert await scene.lots() == ((100_00, 0), (300_00, 0))
    await sound(fresh_worker)


async def settle(scene: Scene, cutoff_on: str) -> list[tuple[str, int]]:
    """Close a run; return kind and gross of the lines of the provider's settlement in it."""
    made = await scene.client.post(
        "/v1/operator/settlement_runs",
        json={"cutoff_on": cutoff_on},
        headers=scene.operator.headers["operator"] | scene.key(),
    )
    assert made.status_code == 201, made.text
    lines = await scene.world.execute(
        "SELECT line.kind, line.gross_cents FROM settlement_line line JOIN settlement ON settlement.id = settlement_id"
        " WHERE run_id = :run ORDER BY line.kind, line.gross_cents",
        run=ids.decode("run", made.json()["id"]),
    )
    return [tuple(line) for line in lines]


async def test_won_after_the_settlement_the_next_one_has_less(scene: Scene, fresh_worker: Database) -> None:
    """Of two visits one is contested after it was settled: that settlement stays, with a fee of 2 % of the rest."""
    rules, terms = "/v1/operator/fee_rules", {"percent_bps": 200, "fixed_cents": 10, "payer": "provider"}
    drafted = await scene.client.post(
        rules, json={**terms, "valid_from": "2026-12-01"}, headers=scene.operator.headers["operator"]
    )
    approval = f"{rules}/{drafted.json()['id']}/approve"
    approved = await scene.client.post(approval, headers=scene.operator.headers["finance"])
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    booking = await marked(scene, "deliver")
    await scene.world.set_now(VISIT + timedelta(days=9))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await settle(scene, "2026-12-18") == [("service", 22_50)]
    before = await scene.world.execute("SELECT * FROM settlement_line")
    made = await opened(scene, booking)
    assert await units(scene, booking) == [("completed", True, 0, 0)]
    await scene.decide(made["id"], outcome="upheld")
    assert (await units(scene, booking), await scene.lots()) == (
        [("completed", False, 22_50, 0)], ((120_00, 0), (300_00, 0)),
    )  # fmt: skip
    # Less than nothing is not paid: it waits for what is earned next.
    assert await settle(scene, "2026-12-19") == []
    await marked(scene, "deliver", at=datetime(2026, 12, 21, 9, tzinfo=UTC))
    await scene.world.set_now(datetime(2026, 12, 28, 9, tzinfo=UTC))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await settle(scene, "2026-12-27") == []  # 22.50 less 22.50
    await marked(scene, "deliver", at=datetime(2026, 12, 28, 10, tzinfo=UTC))
    await scene.world.set_now(datetime(2027, 1, 4, 9, tzinfo=UTC))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await settle(scene, "2027-01-03") == [("adjustment", -22_50), ("service", 22_50), ("service", 22_50)]
    (new,) = await scene.world.execute(
        "SELECT gross_cents, fee_cents, fee_vat_cents, payout_cents FROM settlement ORDER BY cutoff_on DESC LIMIT 1"
    )
    # 2 % of 22.50 and 0.10 for each visit, not for what was taken back; 22 % VAT on top.
    assert tuple(new) == (22_50, 45 + 20, 14, 22_50 - 65 - 14)
    assert [row for row in await scene.world.execute("SELECT * FROM settlement_line") if row in before] == before
    await sound(fresh_worker)


@pytest.mark.parametrize(
    ("verb", "refund", "lots"),
    [("upheld", 11_25, ((120_00, 0), (300_00, 0))), ("rejected", 0, ((108_75, 0), (300_00, 0)))],
)
async def test_a_fee_from_credit_is_contested_like_a_delivery(
    from_credit: Scene, fresh_worker: Database, verb: str, refund: int, lots: Any
) -> None:
    scene = from_credit
    booking = await marked(scene, "no_show")
    made = await opened(scene, booking)
    assert made["contested_cents"] == 11_25
    await scene.world.set_now(VISIT + timedelta(days=9))
    assert "bookings.complete_delivered" not in await run_sweeps(fresh_worker, SWEEPS)
    await scene.decide(made["id"], outcome=verb)
    assert await units(scene, booking) == [("no_show", False, refund, 0)]
    assert await scene.lots() == lots
    assert await owed(scene) == ([] if refund else [("no_show_fee", 11_25, False)])
    await sound(fresh_worker)


async def test_a_fee_out_of_pocket_is_not_owed_when_the_dispute_is_won(scene: Scene, fresh_worker: Database) -> None:
    booking = await marked(scene, "no_show")
    assert await units(scene, booking) == [("no_show", False, 0, 22_50)]
    made = await opened(scene, booking)
    revert = await scene.theirs(booking["id"], "revert")
    assert (revert.status_code, revert.json()["code"]) == (409, "state_conflict")
    await scene.decide(made["id"], outcome="partly_upheld", refund_cents=20_00)
    assert await units(scene, booking) == [("no_show", False, 20_00, 2_50)]
    # Otherwise the provider could mark it delivered, and nobody could contest that.
    assert (await scene.theirs(booking["id"], "revert")).status_code == 409
    assert (await scene.lots(), await owed(scene)) == (((120_00, 0), (300_00, 0)), [])
    await sound(fresh_worker)


async def test_a_refund_over_two_lots_is_what_a_lower_price_would_have_left(scene: Scene) -> None:
    await scene.price(150_00)
    booking = await marked(scene, "deliver")
    assert await scene.lots() == ((0, 0), (270_00, 0))
    made = await opened(scene, booking)
    await scene.decide(made["id"], outcome="partly_upheld", refund_cents=40_00)
    assert await scene.lots() == ((10_00, 0), (300_00, 0))


async def test_who_may_dispute_what_and_when(scene: Scene) -> None:
    ahead = await scene.confirmed([await scene.slot(VISIT), await scene.slot(VISIT)])
    early = await dispute(scene, ahead)
    assert (early.status_code, early.json()["code"], early.json()["state"]) == (409, "state_conflict", "confirmed")
    booking = await marked(scene, "deliver")
    foreign = await scene.mine(booking["id"], "disputes", {"unit_ids": [ahead["units"][0]["id"]], "reason": REASON})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    stranger = await scene.world.employee(scene.company)
    body = {"unit_ids": [booking["units"][0]["id"]], "reason": REASON}
    path = f"/v1/me/bookings/{booking['id']}/disputes"
    theirs = await scene.client.post(path, json=body, headers=stranger.headers | scene.key())
    assert theirs.status_code == 404
    # 60 days from the service date, to the midnight in Rome.
    await scene.world.set_now(datetime(2027, 2, 8, 23, tzinfo=UTC))
    late = await dispute(scene, booking)
    assert (late.status_code, late.json()["code"]) == (409, "dispute_window_over")
    assert await units(scene, booking) == [("completed", False, 0, 0)]
    await scene.world.set_now(datetime(2027, 2, 8, 22, 59, tzinfo=UTC))
    made = await opened(scene, booking)
    again = await dispute(scene, booking)
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    for headers in (stranger.headers, scene.provider.headers["manager"], scene.company.headers["hr"]):
        read = await scene.client.get(f"/v1/me/disputes/{made['id']}", headers=headers)
        assert read.status_code == 404
        listed = await scene.client.get("/v1/me/disputes", headers=headers)
        assert listed.json()["data"] == []
        denied = await scene.client.get("/v1/operator/disputes", headers=headers)
        assert denied.status_code in {403, 404}


async def test_nobody_decides_her_own_dispute(scene: Scene) -> None:
    booking = await marked(scene, "deliver")
    made = await opened(scene, booking)
    await scene.world.membership(scene.person.user_id, scene.operator.id, "operator")
    answer = await scene.client.post(
        f"/v1/operator/disputes/{made['id']}/resolve",
        json={"outcome": "upheld", "reason": "ho ragione"},
        headers=scene.person.headers | scene.key(),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await units(scene, booking) == [("delivered", True, 0, 0)]


async def test_the_operator_reads_what_is_open_and_that_is_audited(scene: Scene) -> None:
    booking = await marked(scene, "deliver")
    made = await opened(scene, booking)
    headers = scene.operator.headers["operator"]
    listed = (await scene.client.get("/v1/operator/disputes", params={"status": "open"}, headers=headers)).json()[
        "data"
    ]
    assert [(row["id"], row["reason"], row["units"][0]["contested_cents"]) for row in listed] == [
        (made["id"], REASON, 22_50)
    ]
    read = await scene.client.get(f"/v1/operator/disputes/{made['id']}", headers=headers)
    assert read.json() == listed[0]
    assert "Maria" not in read.text
    acts = await scene.world.execute("SELECT action FROM audit_entry WHERE action LIKE 'dispute.%' ORDER BY id")
    assert [row[0] for row in acts] == ["dispute.create", "dispute.list", "dispute.read"]
    assert REASON.encode() not in await scene.world.scalar("SELECT sealed_reason FROM care.dispute")


async def test_the_person_is_told_and_the_mail_says_nothing(scene: Scene) -> None:
    email = await scene.world.scalar("SELECT email FROM user_account WHERE id = :id", id=scene.person.user_id)
    booking = await marked(scene, "deliver", 2)
    missed = await marked(scene, "no_show", at=VISIT + timedelta(days=1))
    cancelled = await scene.confirmed([await scene.slot(VISIT + timedelta(days=10))])
    await scene.theirs(cancelled["id"], "cancel", {"reason": "malattia"})
    for each in (booking, missed):
        await scene.decide((await opened(scene, each))["id"], outcome="upheld")
    mails = await scene.world.execute("SELECT recipient, subject, text FROM outgoing_mail ORDER BY id")
    assert {mail.recipient for mail in mails} == {email}
    news = "Una novità su una tua prenotazione"
    assert [mail.subject for mail in mails] == [news, news, news, *["La tua contestazione è stata decisa"] * 2]
    secrets = (
        "Assistenza",
        "domiciliare",
        "Maria",
        "Anna",
        scene.provider.name,
        "2026",
        "dicembre",
        "malattia",
        "22,50",
    )
    said = [re.sub(r"http\S+", "", mail.subject + mail.text) for mail in mails]  # an id says nothing
    assert [word for word in secrets for text in said if word in text] == []
