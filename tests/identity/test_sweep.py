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


async def fill_what_ended(world: World) -> None:
    """Changes of address, invitations and wrong codes: raw, because up to a year must have passed."""
    user_id, real = await world.scalar("SELECT id FROM user_account ORDER BY email LIMIT 1"), clock.real()
    company = await world.company()
    second, day = timedelta(seconds=1), timedelta(days=1)
    for name, undo_until, expires_at in (
        ("over", None, real),
        ("undoable", real + second, real - day),
        ("undo over", real, real - day),
        ("open", None, real + second),
    ):
        await world.execute(
            "INSERT INTO email_change (id, token_hash, user_id, old_email, new_email, created_at, expires_at,"
            " accepted_at, undo_hash, undo_until) VALUES (gen_random_uuid(), :hash, :user, 'a@b', 'c@d', :at, :end,"
            " CAST(:accepted AS timestamptz), CAST(:undo_hash AS bytea), CAST(:undo AS timestamptz))",
            hash=name.encode(), user=user_id, at=real - day, end=expires_at, undo=undo_until,
            accepted=undo_until and real - day, undo_hash=undo_until and name.encode(),
        )  # fmt: skip
    for name, ended_at, expires_at in (
        ("open", None, real + day),
        ("ended", real - timedelta(days=90) + second, real),
        ("ended over", real - timedelta(days=90), real + day),
        ("expired over", None, real - timedelta(days=90)),
    ):
        await world.execute(
            "INSERT INTO invitation (id, token_hash, email, organisation_id, roles, created_at, expires_at, ended_at)"
            " VALUES (gen_random_uuid(), :hash, 'e@f', :company, '{payroll}', :at, :end, :ended)",
            hash=name.encode(), company=company.id, at=real, end=expires_at, ended=ended_at,
        )  # fmt: skip
    for employee, age in zip(await world.employments(company, 2), (364, 365), strict=True):
        await world.execute(
            "INSERT INTO activation_failure (employee_id, company_id, failures, last_failed_at)"
            " VALUES (:employee, :company, :age, :at)",
            employee=employee, company=company.id, age=age, at=real - timedelta(days=age),
        )  # fmt: skip


async def kept(world: World) -> list[str]:
    rows = await world.execute(
        "SELECT 'session ' || email AS name FROM session_token JOIN user_account u ON u.id = user_id"
        " UNION ALL SELECT 'reset ' || convert_from(token_hash, 'LATIN1') FROM password_reset"
        " UNION ALL SELECT 'attempt ' || convert_from(key, 'LATIN1') FROM attempt_count"
        " UNION ALL SELECT 'key ' || key FROM idempotency_key"
        " UNION ALL SELECT 'change ' || convert_from(token_hash, 'LATIN1') FROM email_change"
        " UNION ALL SELECT 'invitation ' || convert_from(token_hash, 'LATIN1') FROM invitation"
        " UNION ALL SELECT 'wrong codes ' || failures FROM activation_failure ORDER BY 1",
    )
    return [row.name for row in rows]


async def test_what_is_over_is_deleted_by_real_time(fresh_worker: Database, fresh_world: World) -> None:
    await fill(fresh_world)
    await fresh_world.execute("UPDATE clock_offset SET offset_interval = '400 days'")
    assert await run_sweeps(fresh_worker, SWEEPS) == {"identity.delete_expired": 4}
    assert await kept(fresh_world) == ["attempt open", "key open", "reset open", "session anna@example.com"]
    assert await run_sweeps(fresh_worker, SWEEPS) == {}


async def test_what_has_ended_is_forgotten_after_a_while(fresh_worker: Database, fresh_world: World) -> None:
    await fresh_world.login("anna@example.com")
    await fill_what_ended(fresh_world)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"identity.delete_expired": 5}
    left = [one for one in await kept(fresh_world) if not one.startswith("session")]
    assert left == ["change open", "change undoable", "invitation ended", "invitation open", "wrong codes 364"]
    assert await run_sweeps(fresh_worker, SWEEPS) == {}


async def test_the_sweep_waits_behind_business_deadlines(fresh_worker: Database, fresh_world: World) -> None:
    await fill(fresh_world)
    async with fresh_worker.begin("beatrice_worker") as session:
        now = clock.now()
        assert await SWEEPS[0].due(session, now) == now


async def test_nothing_over_is_nothing_due(fresh_worker: Database) -> None:
    async with fresh_worker.begin("beatrice_worker") as session:
        assert await SWEEPS[0].due(session, clock.now()) is None
