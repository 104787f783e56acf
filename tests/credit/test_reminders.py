"""People are told before credit dies, each once and naming nothing; an alliance learns one sum of what died."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from app import clock
from app.credit import actions, jobs, reminders
from app.credit.funds import FundSum, Inflow, sum_of_many
from tests.credit.stage import NOON, Stage
from tests.world import Caller

FEBRUARY = date(2027, 2, 28)
WINTER, SPRING = date(2027, 1, 1), date(2027, 4, 1)


async def remind(stage: Stage, day: date) -> tuple[int, list[str]]:
    """Run the sweep at noon of a day; return how many lots it handled, and whom it told in all so far."""
    now = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    handled: int = await stage.act(now, reminders.remind, now)
    assert await stage.act(now, reminders.due, now) is None
    sent = await stage.world.execute("SELECT recipient, text FROM outgoing_mail ORDER BY created_at, id")
    assert all("28.02.2027" in mail.text and "euro" not in mail.text for mail in sent)
    return handled, [mail.recipient for mail in sent]


async def test_each_step_once_and_one_mail_however_many_lots(stage: Stage) -> None:
    other = await stage.world.employee(stage.company)
    for _ in range(2):
        await stage.lot(100_00, lot_expires_on=FEBRUARY)
    await stage.lot(50_00, other, lot_expires_on=FEBRUARY, expired_credit_to="carry_over")
    assert await stage.act(NOON, reminders.due, NOON) is None
    first = datetime(2026, 12, 30, 11, tzinfo=UTC)
    assert await stage.act(first, reminders.due, first) == clock.midnight(date(2026, 12, 30))
    mine = await stage.world.scalar("SELECT email FROM user_account WHERE id = :id", id=stage.person.user_id)
    assert await remind(stage, FEBRUARY - timedelta(days=60)) == (3, [mine])
    assert await remind(stage, FEBRUARY - timedelta(days=31)) == (0, [mine])
    assert await remind(stage, FEBRUARY - timedelta(days=30)) == (3, [mine] * 2)
    assert await remind(stage, FEBRUARY - timedelta(days=3)) == (3, [mine] * 3)
    assert await remind(stage, FEBRUARY) == (0, [mine] * 3)


async def test_nobody_is_told_of_a_step_over_before_the_credit_came_nor_of_nothing(stage: Stage) -> None:
    late = await stage.lot(100_00, lot_expires_on=NOON.date() + timedelta(days=20))
    spent = await stage.lot(80_00, lot_expires_on=FEBRUARY)
    assert await stage.act(NOON, reminders.due, NOON) is not None
    assert await remind(stage, NOON.date()) == (1, [])
    found = await stage.world.execute("SELECT id, reminders FROM lot ORDER BY reminders")
    assert [(row.id, row.reminders) for row in found] == [(spent, 0), (late, 2)]
    await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(spent, 80_00)], at=NOON)
    assert await remind(stage, FEBRUARY - timedelta(days=60)) == (2, [])


def inflow(day: date, people: range, cents: int = 100) -> list[Inflow]:
    return [Inflow(day, bytes([one]), cents) for one in people]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([], FundSum(0, None)),
        (inflow(WINTER, range(9)), FundSum(0, None)),
        (inflow(WINTER, range(10)), FundSum(1000, WINTER)),
        (inflow(WINTER, range(9)) + inflow(SPRING, range(8, 10)), FundSum(1100, SPRING)),
        (inflow(WINTER, range(9)) + inflow(SPRING, range(9)), FundSum(0, None)),
        (inflow(WINTER, range(10)) + inflow(SPRING, range(3)), FundSum(1000, WINTER)),
        (inflow(WINTER, range(12)) + inflow(SPRING, range(12), -50), FundSum(600, SPRING)),
    ],
)
def test_a_sum_is_of_many(given: list[Inflow], shown: FundSum) -> None:
    assert sum_of_many(given, 10) == shown


async def test_the_coordinator_sees_the_fund_as_one_sum(client: httpx.AsyncClient, stage: Stage) -> None:
    world = stage.world
    alliance_id = await world.alliance()
    union = await world.organisation(["association"], ("observer",))
    await world.admit(alliance_id, stage.company, "company")
    await world.admit(alliance_id, union, "partner")
    await stage.lot(100_00)
    colleagues = await world.employments(stage.company, 9)
    programme_id = await stage.programme()
    await world.grant(stage.company, stage.person, 20_00, programme_id, also=colleagues)
    path = f"/alliances/{(await Caller(client, {}).get('/alliances'))['data'][0]['id']}/solidarity_fund"
    coordinator = Caller(client, world.coordinator)
    assert await coordinator.get(path) == {"balance_cents": 0, "counted_on": None}
    await world.set_now(clock.midnight(WINTER) + timedelta(hours=12))
    expired = await stage.act(clock.midnight(WINTER), jobs.expire, clock.midnight(WINTER))
    assert expired == 11
    assert await coordinator.get(path) == {"balance_cents": 300_00, "counted_on": "2027-01-01"}
    assert (await Caller(client, union.headers["observer"]).ask("GET", path)).status_code == 403
    assert (await Caller(client, stage.company.headers["hr"]).ask("GET", path)).status_code == 404
