from datetime import timedelta

from sqlalchemy import insert

from app import clock
from app.db import Database
from app.edge.idempotency import IdempotencyKey
from app.identity.jobs import SWEEPS
from app.identity.models import PasswordReset
from app.jobs import run_sweeps
from tests.identity.conftest import tried
from tests.world import World


async def fill(world: World) -> None:
    """Something of each kind that is over and something that is not; raw, because a week must have passed."""
    user_id, _ = await world.login("anna@example.com")
    real = clock.real()
    over, _ = await world.login("berta@example.com")
    await world.execute("UPDATE session_token SET expires_at = :at WHERE user_id = :user", user=over, at=real)
    for name, expires_at in (("open", real + timedelta(hours=1)), ("over", real)):
        reset = {"token_hash": name.encode(), "user_id": user_id, "created_at": real, "expires_at": expires_at}
        await world.execute(insert(PasswordReset).values(**reset))
    for name, age in (("open", timedelta(hours=23)), ("over", timedelta(days=1))):
        await tried(world, name.encode(), 1, age)
    for name, age in (("open", timedelta(days=6, hours=23)), ("over", timedelta(days=7))):
        stored = {"principal_id": user_id, "key": name, "fingerprint": b"", "sealed_answer": b""}
        await world.execute(insert(IdempotencyKey).values(**stored, created_at=real - age))


async def kept(world: World) -> list[str]:
    rows = await world.execute(
        "SELECT 'session ' || email AS name FROM session_token JOIN user_account u ON u.id = user_id"
        " UNION ALL SELECT 'reset ' || convert_from(token_hash, 'LATIN1') FROM password_reset"
        " UNION ALL SELECT 'attempt ' || convert_from(key, 'LATIN1') FROM attempt_count"
        " UNION ALL SELECT 'key ' || key FROM idempotency_key ORDER BY 1",
    )
    return [row.name for row in rows]


async def test_what_is_over_is_deleted_by_real_time(fresh_worker: Database, fresh_world: World) -> None:
    await fill(fresh_world)
    await fresh_world.execute("UPDATE clock_offset SET offset_interval = '400 days'")
    assert await run_sweeps(fresh_worker, SWEEPS) == {"identity.delete_expired": 4}
    assert await kept(fresh_world) == ["attempt open", "key open", "reset open", "session anna@example.com"]
    assert await run_sweeps(fresh_worker, SWEEPS) == {}


async def test_the_sweep_waits_behind_business_deadlines(fresh_worker: Database, fresh_world: World) -> None:
    await fill(fresh_world)
    async with fresh_worker.begin("beatrice_worker") as session:
        now = clock.now()
        assert await SWEEPS[0].due(session, now) == now


async def test_nothing_over_is_nothing_due(fresh_worker: Database) -> None:
    async with fresh_worker.begin("beatrice_worker") as session:
        assert await SWEEPS[0].due(session, clock.now()) is None
