from datetime import date

from app import clock
from app.credit.jobs import SWEEPS
from app.db import create_database
from app.jobs import run_sweeps
from tests.conftest import Cluster
from tests.credit.stage import EXPIRES, LAST_DAY, Stage

MIDNIGHT = clock.midnight(EXPIRES)


async def test_the_worker_closes_everything_due_in_order(
    cluster: Cluster, fresh_database_name: str, fresh_stage: Stage
) -> None:
    stage = fresh_stage
    leaver = await stage.world.employee(stage.company)
    expiring = await stage.lot(100_00)
    left = await stage.lot(50_00, leaver, leavers_rule="zero_at_leaving", lot_expires_on=date(2027, 5, 31))
    late = await stage.lot(70_00, lot_expires_on=date(2027, 1, 31))
    living = await stage.lot(80_00, lot_expires_on=date(2027, 5, 31))
    await stage.world.execute("UPDATE employee SET ended_on = '2026-12-10' WHERE id = :id", id=leaver.employee_id)
    await stage.world.set_now(clock.midnight(date(2027, 2, 1)))
    url = cluster.owner_url(fresh_database_name).replace("beatrice_admin@", "beatrice_worker@")
    worker = create_database(url)
    try:
        ran = await run_sweeps(worker, SWEEPS)
        ran.pop("credit.remind")  # has a test of its own
        assert ran == {"credit.return_leavers_credit": 1, "credit.expire_lots": 2}
        assert await run_sweeps(worker, SWEEPS) == {}
    finally:
        await worker.dispose()
    rows = await stage.world.execute(
        "SELECT from_account_id, reason, amount_cents, event_at FROM ledger.transfer"
        " WHERE reason NOT IN ('top_up', 'granted') ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        (left, "returned", 50_00, clock.midnight(date(2026, 12, 11))),
        (expiring, "expired", 100_00, clock.end_of(LAST_DAY)),
        (late, "expired", 70_00, clock.midnight(date(2027, 2, 1))),
    ]
    assert (await stage.returned(), await stage.fund()) == (50_00, 170_00)
    mails = await stage.world.execute("SELECT recipient, subject FROM outgoing_mail WHERE subject NOT LIKE '%scade'")
    assert [row.subject for row in mails] == ["Credito welfare"]
    assert await stage.lots() == {expiring: (0, 0), left: (0, 0), late: (0, 0), living: (80_00, 0)}
