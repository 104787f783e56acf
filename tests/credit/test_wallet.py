"""What the person sees: every lot adds up, and deadlines hold before any sweep ran."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.credit import actions
from app.credit.actions import Capture, Refund
from app.credit.jobs import SWEEPS
from tests.credit.stage import EXPIRES, NOON, Stage

MIDNIGHT = clock.midnight(EXPIRES)
EXPIRY, LEAVING, *_ = SWEEPS
PARTS = ("available_cents", "held_cents", "captured_cents", "expired_cents", "returned_cents")


async def wallet(client: httpx.AsyncClient, stage: Stage) -> dict[str, Any]:
    answer = await client.get("/v1/me/wallet", headers=stage.person.headers)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    for lot in shown["lots"]:
        assert sum(lot[part] for part in PARTS) == lot["amount_cents"]
    for part in PARTS[:3]:
        assert shown[part] == sum(lot[part] for lot in shown["lots"])
    return shown


def parts(shown: dict[str, Any]) -> list[tuple[int, ...]]:
    return [tuple(lot[part] for part in PARTS) for lot in shown["lots"]]


async def test_two_lots_first_to_expire_first(client: httpx.AsyncClient, stage: Stage) -> None:
    b = await stage.lot(300_00, lot_expires_on=date(2027, 5, 31), name="Bonus")
    a = await stage.lot(120_00)
    visits = [stage.hold(a, 22_50) for _ in range(3)]
    await stage.act(NOON, actions.place, stage.person.user_id, visits, at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visits[0].hold_id)], at=NOON)
    shown = await wallet(client, stage)
    assert parts(shown) == [(52_50, 45_00, 22_50, 0, 0), (300_00, 0, 0, 0, 0)]
    assert shown["expiring_next"] == {"on": "2026-12-31", "amount_cents": 52_50}
    assert shown["lots"][0] == {
        "id": ids.encode("lot", a),
        "employment_id": ids.encode("emp", stage.person.employee_id),
        "programme_name": "Welfare 2026",
        "source": "on_top",
        "kind": "grant",
        "rule_codes": ["C2_F_TER"],
        "categories": None,
        "amount_cents": 120_00,
        "available_cents": 52_50,
        "held_cents": 45_00,
        "captured_cents": 22_50,
        "expired_cents": 0,
        "returned_cents": 0,
        "valid_from": "2026-11-23",
        "expires_on": "2026-12-31",
    }
    assert shown["lots"][1]["id"] == ids.encode("lot", b)


async def test_an_empty_wallet(client: httpx.AsyncClient, stage: Stage) -> None:
    assert await wallet(client, stage) == {
        "available_cents": 0,
        "held_cents": 0,
        "captured_cents": 0,
        "expiring_next": None,
        "lots": [],
    }


@pytest.mark.parametrize("swept", [False, True])
async def test_midnight_needs_no_sweep(client: httpx.AsyncClient, stage: Stage, swept: bool) -> None:  # noqa: FBT001
    a = await stage.lot(120_00)
    await stage.lot(300_00, lot_expires_on=date(2027, 5, 31))
    await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(a, 20_00)], at=NOON)
    await stage.world.set_now(MIDNIGHT - timedelta(minutes=5))
    assert parts(await wallet(client, stage)) == [(100_00, 20_00, 0, 0, 0), (300_00, 0, 0, 0, 0)]
    await stage.world.set_now(MIDNIGHT)
    if swept:
        assert await stage.sweep(EXPIRY, MIDNIGHT) == 1
    shown = await wallet(client, stage)
    assert parts(shown) == [(0, 20_00, 0, 100_00, 0), (300_00, 0, 0, 0, 0)]
    assert shown["available_cents"] == 300_00
    assert shown["expiring_next"] == {"on": "2027-05-31", "amount_cents": 300_00}


@pytest.mark.parametrize("swept", [False, True])
async def test_leaving_needs_no_sweep(client: httpx.AsyncClient, stage: Stage, swept: bool) -> None:  # noqa: FBT001
    await stage.lot(300_00, leavers_rule="zero_at_leaving")
    await stage.world.execute("UPDATE employee SET ended_on = '2026-11-30' WHERE id = :id", id=stage.person.employee_id)
    assert (await wallet(client, stage))["expiring_next"] == {"on": "2026-11-30", "amount_cents": 300_00}
    left = clock.midnight(date(2026, 12, 1))
    await stage.world.set_now(left)
    if swept:
        assert await stage.sweep(LEAVING, left) == 1
    assert parts(await wallet(client, stage)) == [(0, 0, 0, 0, 300_00)]


async def test_a_refund_after_expiry_moves_to_a_grace_lot(client: httpx.AsyncClient, stage: Stage) -> None:
    a = await stage.lot(120_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visit.hold_id)], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    later = MIDNIGHT + timedelta(days=4)
    await stage.world.set_now(later)
    await stage.act(later, actions.refund, [Refund(visit.hold_id)], at=later)
    shown = await wallet(client, stage)
    assert parts(shown) == [(0, 0, 0, 120_00, 0), (22_50, 0, 0, 0, 0)]
    assert shown["lots"][1]["kind"] == "grace"

    seen: list[tuple[str, int]] = []
    cursor: dict[str, Any] = {}
    while cursor is not None:
        page = (
            await client.get("/v1/me/wallet/entries", headers=stage.person.headers, params={"limit": 2, **cursor})
        ).json()
        seen += [(entry["reason"], entry["amount_cents"]) for entry in page["data"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    # both halves of the grace transfer have one id: their order is that of the lots, newest first
    assert seen == [
        ("grace", 22_50),
        ("grace", -22_50),
        ("refunded", 22_50),
        ("expired", -97_50),
        ("captured", -22_50),
        ("granted", 120_00),
    ]


async def test_one_wallet_over_two_employments_and_never_another_persons(
    client: httpx.AsyncClient, stage: Stage
) -> None:
    await stage.lot(120_00)
    other = await stage.world.employee(stage.company)
    await stage.lot(70_00, other)
    second = await stage.world.company()
    await stage.world.fund(second, 500_00)
    person = await stage.world.second_job(stage.person, second)
    elsewhere = Stage(stage.world, second, person, stage.payee_id)
    await elsewhere.lot(50_00, name="Altro")
    shown = await wallet(client, stage)
    assert sorted(parts(shown)) == [(50_00, 0, 0, 0, 0), (120_00, 0, 0, 0, 0)]
    assert shown["expiring_next"] == {"on": "2026-12-31", "amount_cents": 170_00}
    usable = await stage.act(NOON, actions.usable_lots, stage.person.user_id)
    assert sorted((lot.company_id, lot.available_cents) for lot in usable) == sorted(
        [(stage.company.id, 120_00), (second.id, 50_00)]
    )
    entries = (await client.get("/v1/me/wallet/entries", headers=stage.person.headers)).json()["data"]
    assert [entry["amount_cents"] for entry in entries] == [50_00, 120_00]
