"""The sweep that deletes what has lost its use; all by real time, which the sandbox's clock does not move."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.edge.idempotency import RETENTION_DAYS
from app.jobs import Sweep

BATCH = 5_000
# Table, key, column, what is over.
OVER: tuple[tuple[str, str, str, timedelta], ...] = (
    ("session_token", "token_hash", "expires_at", timedelta(0)),
    ("password_reset", "token_hash", "expires_at", timedelta(0)),
    ("attempt_count", "key", "window_start", timedelta(days=1)),
    ("idempotency_key", "(principal_id, key)", "created_at", timedelta(days=RETENTION_DAYS)),
)


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    """Wait for nobody: whatever is over goes after everything that is due in business time."""
    real = clock.real()
    for table, _, column, age in OVER:
        statement = text(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} <= :before)")  # noqa: S608 - ours
        if await session.scalar(statement, {"before": real - age}):
            return now
    return None


async def run(session: AsyncSession, _until: datetime) -> int:
    real = clock.real()
    deleted = 0
    for table, key, column, age in OVER:
        columns = key.strip("()")
        result = await session.execute(
            text(
                f"WITH gone AS (DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table}"  # noqa: S608 - ours
                f" WHERE {column} <= :before LIMIT {BATCH}) RETURNING 1) SELECT count(*) FROM gone"
            ),
            {"before": real - age},
        )
        deleted += int(result.scalar_one())
    return deleted


SWEEPS = (Sweep("identity.delete_expired", due, run),)
