from datetime import timedelta

from app import clock
from app.db import Database
from app.identity.jobs import SWEEPS
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
        await world.execute(
            "INSERT INTO password_reset (token_hash, user_id, created_at, expires_at) VALUES (:hash, :user, :at, :end)",
            hash=name.encode(),
            user=user_id,
            at=real,
            end=expires_at,
        )
    for name, age in (("open", timedelta(hours=23)), ("over", timedelta(days=1))):
        await tried(world, name.encode(), 1, age)
    for name, age in (("open", timedelta(days=6, hours=23)), ("over", timedelta(days=7))):
        await world.execute(
            "INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)"
            " VALUES (:user, :key, '', '', :at)",
            user=user_id,
            key=name,
            at=real - age,
        )


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
