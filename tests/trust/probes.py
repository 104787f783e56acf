"""The privacy game: what a curious employer tries, within its rights and at their edge.

A probe draws from the game, which is the same for both twins, and never looks at the use of care.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import date
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from app.api import SWEEPS
from app.jobs import run_sweeps
from tests.grants.desk import employee
from tests.trust import at_the_pages
from tests.trust.twins import BASE_CENTS, PEOPLE, Twin
from tests.world import Person

Probe = Callable[[Twin, random.Random], Awaitable[None]]
BACK = {"expired_credit_to": "company"}
STOPS = (date(2026, 12, 10), date(2026, 12, 24), date(2027, 1, 2), date(2027, 2, 8), date(2027, 4, 1), date(2027, 6, 1))


async def base(twin: Twin) -> None:
    """What every company has: one amount for all, to be used until spring, then back to the company."""
    terms = {**BACK, "leavers_rule": "zero_at_leaving", "fee_funding": "from_credit"}
    await twin.grant("base", BASE_CENTS, lot_expires_on="2027-05-31", **terms)


def somebody(twin: Twin, game: random.Random) -> Person:
    return twin.persons[game.randrange(PEOPLE)]


# Amounts, categories, expiry


async def one_cent(twin: Twin, game: random.Random) -> None:
    for terms in ({}, BACK):
        amounts = [game.randint(1, 99)]
        await twin.grant("one cent", amounts, lot_expires_on="2026-12-20", categories=["physiotherapy"], **terms)


async def powers_of_two(twin: Twin, game: random.Random) -> None:
    amounts = [20_00 * 2**place for place in range(game.randint(2, 8))]
    await twin.grant("powers", amounts, lot_expires_on="2026-12-20", **BACK)
    await twin.grant("powers", amounts[:4], lot_expires_on="2026-12-20", expired_credit_to="solidarity_fund")


async def narrow_for_all(twin: Twin, game: random.Random) -> None:
    category = game.choice(["physiotherapy", "psychology"])
    await twin.grant("narrow", 20_00, lot_expires_on="2026-12-28", categories=[category], **BACK)


async def two_tiers(twin: Twin, game: random.Random) -> None:
    """One who differs, then all."""
    amounts = [50_00] * PEOPLE
    amounts[game.randrange(PEOPLE)] += game.choice([1, 20_00])
    await twin.grant("tiers", amounts, lot_expires_on="2027-01-15", **BACK)
    await twin.grant("tiers", 50_00, lot_expires_on="2027-01-15", **BACK)


async def chosen_amounts_to_the_fund(twin: Twin, game: random.Random) -> None:
    amounts = [game.randint(1, 100_00) for _ in range(4)]
    await twin.grant("fund", amounts, lot_expires_on="2027-02-05", expired_credit_to="solidarity_fund")


async def chosen_amounts_carried_over(twin: Twin, game: random.Random) -> None:
    amounts = [game.randint(1, 100_00) for _ in range(3)]
    await twin.grant("carried", amounts, lot_expires_on="2026-12-26", expired_credit_to="carry_over")


async def waiting_for_the_money(twin: Twin, game: random.Random) -> None:
    cents = game.randint(80_000_00, 90_000_00)
    await twin.grant("waiting", cents, lot_expires_on="2028-01-31", expired_credit_to="solidarity_fund")


# Taking back


async def revoke_small_grants(twin: Twin, game: random.Random) -> None:
    for name in game.sample(["fund", "carried", "narrow", "powers", "tiers"], 3):
        await twin.revoke(name)


async def revoke_one_person(twin: Twin, game: random.Random) -> None:
    await twin.revoke("base", somebody(twin, game))


async def revoke_and_think_better(twin: Twin, game: random.Random) -> None:
    path = f"/grants/{twin.grants['base']}"
    asked = {"reason": "Prova", "employee_ids": [employee(somebody(twin, game))]}
    await twin.of_company("POST", f"{path}/revoke", asked)
    await twin.of_company("POST", f"{path}/approve_revocation")
    await twin.of_company("GET", f"{path}/revocations", role="hr_approver")
    await twin.of_company("POST", f"{path}/withdraw_revocation")


async def leave_and_come_back(twin: Twin, game: random.Random) -> None:
    person, left = somebody(twin, game), {"ended_on": "2026-11-20"}
    await twin.change(person, **left)
    await twin.night()
    await twin.look(game)
    await twin.change(person, ended_on=None)
    await twin.night()


async def backdated_leaving(twin: Twin, game: random.Random) -> None:
    await twin.change(somebody(twin, game), ended_on=game.choice(["2026-10-01", "2026-11-01", "2026-12-01"]))


async def a_file_of_leavers(twin: Twin, game: random.Random) -> None:
    """Two leave by a file, one of them comes back by the next."""
    listed = (await twin.of_company("GET", "/employees?limit=100")).json()["data"]
    leaving = game.sample(listed, 2)
    for returning in (0, 1):
        lines = ["given_name,family_name,fiscal_code,category,hired_on,ended_on"]
        for place, one in enumerate(leaving):
            kept = [one[name] for name in ("given_name", "family_name", "fiscal_code", "category", "hired_on")]
            lines.append(",".join([*kept, "" if place < returning else "2027-03-31"]))
        csv = "\n".join(lines) + "\n"
        for path in ("/employees/import?dry_run=true", "/employees/import"):
            await twin.of_company("POST", path, csv, **{"Content-Type": "text/csv"})


# Other doors


async def keys(twin: Twin, game: random.Random) -> None:
    """What a program of the company may: grant, ask to revoke, read; and how the key tells of its use."""
    await twin.grant("by key", 20_00, role="key", lot_expires_on="2027-03-01", **BACK)
    await twin.revoke("by key", somebody(twin, game), role="key")
    made = {"name": "Paghe", "scopes": ["employees:read"]}
    path = f"/v1/organisations/{twin.company.public_id}/api_keys"
    key = (await twin.ask("POST", path, made, "admin")).json()
    await twin.ask("POST", f"{path}/{key.get('id')}/revoke", {}, "admin")
    await twin.ask("GET", path, role="admin")
    await twin.ask("GET", "/v1/me/wallet", role="key")


async def invitations(twin: Twin, game: random.Random) -> None:
    """Invite a colleague who uses care to the company's side, and try to send a first invitation again."""
    person = somebody(twin, game)
    (account,) = await twin.world.execute("SELECT email FROM user_account WHERE id = :id", id=person.user_id)
    path = f"/v1/organisations/{twin.company.public_id}"
    await twin.ask("POST", f"{path}/members", {"email": account.email, "roles": ["hr"]}, "admin")
    listed = (await twin.ask("GET", f"{path}/invitations", role="admin")).json()["data"]
    await twin.ask("POST", f"{path}/invitations/{listed[0]['id']}/withdraw", {}, "admin")
    await twin.of_company("POST", f"/employees/{employee(person)}/invite")
    await twin.change(person, email="hr@example.test")
    await twin.ask("POST", "/v1/auth/password_resets", {"email": account.email})
    await twin.ask("GET", "/v1/me/sessions")


async def the_same_person_again(twin: Twin, game: random.Random) -> None:
    """Hire somebody who is there, and a new one; change what a program would."""
    person = somebody(twin, game)
    known = (await twin.of_company("GET", f"/employees/{employee(person)}")).json()
    named = {"given_name": "Anna", "family_name": "Nuova", "category": "operai", "hired_on": "2026-12-01"}
    for fiscal_code in (known["fiscal_code"], "RSSMRA85T10A562S"):
        await twin.of_company("POST", "/employees", {**named, "fiscal_code": fiscal_code, "email": "new@example.test"})
    await twin.change(person, external_id=f"M{game.randint(1, 999)}", category=game.choice(["operai", "impiegati"]))
    await twin.of_company("GET", "/employees?status=active&limit=5")


async def the_public_side(twin: Twin, game: random.Random) -> None:
    """Search as HR: the order of offerings, and which days are free."""
    offering_id = ids.encode("off", game.choice(list(twin.stage.care.slots)))
    provider_id = twin.stage.care.provider.public_id
    days = "date_from=2027-01-10&date_to=2027-01-31"
    for path in (
        "/offerings?q=assistenza", f"/offerings?{days}", "/offerings?category=physiotherapy&limit=1",
        f"/offerings/{offering_id}", f"/offerings/{offering_id}/slots?{days}", "/providers",
        f"/providers/{provider_id}",
    ):  # fmt: skip
        await twin.ask("GET", f"/v1{path}")


async def foreign_paths(twin: Twin, game: random.Random) -> None:
    """Ids of one side at the doors of the other."""
    person = somebody(twin, game)
    lots = "SELECT id FROM lot WHERE employee_id = :id AND kind = 'grant' ORDER BY id LIMIT 1"
    (lot,) = await twin.world.execute(lots, id=person.employee_id)
    for path in (
        f"/v1/providers/{twin.stage.care.provider.public_id}/bookings", "/v1/me/bookings", "/v1/me/wallet/entries",
        f"/v1/me/bookings/{ids.encode('bkg', lot.id)}", f"{twin.base}/grants/{ids.encode('grt', lot.id)}",
        f"/v1/me/beneficiaries/{ids.encode('ben', person.beneficiary_id)}", "/v1/operator/audit_events",
    ):  # fmt: skip
        await twin.ask("GET", path)


async def errors(twin: Twin, game: random.Random) -> None:
    """Refusals of every kind, and rights that one role of the company has and another has not."""
    await twin.of_company("GET", "/grants?cursor=AAAA")
    await twin.of_company("POST", "/grants", {"programme_id": "prg_x", "PHYSIO": game.randint(1, 9)})
    await twin.of_company("PATCH", f"/employees/{employee(twin.persons[0])}", {"category": "x"}, **{"If-Match": '"99"'})
    await twin.of_company("POST", f"/grants/{twin.grants['base']}/approve", role=game.choice(["hr", "payroll", "key"]))
    await twin.of_company("POST", f"/grants/{twin.grants['base']}/approve", role="hr_approver")
    await twin.of_company("POST", "/employees/import", "x", "payroll", **{"Content-Type": "text/csv"})


async def pages(twin: Twin, game: random.Random) -> None:
    """Walk through lists page by page: their order, and how long cursors are."""
    for path in ("/employees?limit=5", "/programmes?limit=1", f"/grants/{twin.grants['base']}/lines?limit=4"):
        shown = (await twin.of_company("GET", path, role="hr_approver")).json()
        while shown["next_cursor"] is not None and game.random() < 0.7:
            shown = (await twin.of_company("GET", f"{path}&cursor={shown['next_cursor']}", role="hr_approver")).json()


async def the_same_key_again(twin: Twin, game: random.Random) -> None:
    """A replay, now and at the end of the half-year, and the same key for something else."""
    body, key = {"amount_cents": game.randint(1, 100_00)}, uuid4().hex
    twin.kept = ("/top_ups", body, key)
    for amount in (0, 0, 1):
        changed = {"amount_cents": body["amount_cents"] + amount}
        await twin.of_company("POST", "/top_ups", changed, **{"Idempotency-Key": key})


INSERT_TRANSFER = """
    -- # Attack
    INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)
    VALUES (:id, :lot, :account, :cents, :reason, '2026-12-01', '2026-12-01')
"""


async def by_hand_in_sql(twin: Twin, game: random.Random) -> None:
    """Move credit out of a lot, look at it, hold it, as the role of companies: refused in words that do not vary."""
    (lot,) = await twin.world.execute(
        "SELECT id FROM lot WHERE employee_id = :id AND kind = 'grant' ORDER BY id LIMIT 1",
        id=somebody(twin, game).employee_id,
    )
    values = {"lot": lot.id, "account": twin.company.account_id, "returns": twin.company.returns_id}
    moves = [(1, "returned", "account"), (BASE_CENTS, "expired", "returns"), (BASE_CENTS + 1, "returns", "account")]
    statements: list[tuple[str, dict[str, Any]]] = [
        (INSERT_TRANSFER, {"id": uuid4(), "lot": lot.id, "account": values[to], "cents": cents, "reason": reason})
        for cents, reason, to in moves
    ]
    statements += [
        ("SELECT posted_cents FROM ledger.account WHERE id = :id", {"id": lot.id}),
        ("SELECT * FROM lot WHERE id = :id", {"id": lot.id}),
        ("SELECT * FROM ledger.company_balance(:id, false)", {"id": lot.id}),
        ("SELECT count(*) FROM care.booking", {}),
        ("SELECT count(*) FROM returned_credit", {}),
        ("UPDATE employee SET version = version + 1 WHERE id = :id", {"id": somebody(twin, game).employee_id}),
    ]
    for sql, given in statements:
        try:
            async with twin.world.database.begin("beatrice_hr") as session:
                found = str((await session.execute(text(sql), given)).rowcount)  # type: ignore[attr-defined]
        except DBAPIError as refused:
            found = str(refused.orig)
        twin.note(f"SQL {sql}", found)


PROBES: tuple[Probe, ...] = (
    one_cent, powers_of_two, narrow_for_all, two_tiers, chosen_amounts_to_the_fund, chosen_amounts_carried_over,
    waiting_for_the_money, revoke_small_grants, revoke_one_person, revoke_and_think_better, leave_and_come_back,
    backdated_leaving, a_file_of_leavers, keys, invitations, the_same_person_again, the_public_side, foreign_paths,
    errors, pages, the_same_key_again, by_hand_in_sql,
)  # fmt: skip
PLAYED = 12
"""How many of them a pair plays, two before each stop; each has its own, in its own order."""


async def play(twin: Twin, seed: int) -> None:
    """Play the same half-year in every twin of a seed; only the use of care is the twin's own."""
    game = random.Random(seed)  # noqa: S311 - a game
    chosen = game.sample(PROBES, PLAYED)
    async with twin.as_employer():
        await base(twin)
    for stop, *probes in zip_longest(STOPS, chosen[::2], chosen[1::2]):
        await twin.move_to(stop)
        async with twin.as_employer():
            for probe in probes:
                await probe(twin, game)
            if stop == STOPS[1]:
                await at_the_pages.by_the_pages(twin, game)
                await at_the_pages.look(twin, game)
            if stop == STOPS[-2]:
                await twin.revoke("base")  # of everybody: whose credit was used may not be counted
            await twin.look(game)
    await run_sweeps(twin.world.database, SWEEPS)
    async with twin.as_employer():
        await twin.look_at_all(game)
        await at_the_pages.look(twin, game)
