"""The sweep that deletes what has lost its use, by real time, which no sandbox clock moves; mails of the heads."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.audit.jobs import MAIL_HEAD
from app.db import WORKER, Query
from app.edge.idempotency import RETENTION_DAYS
from app.identity.lost_factors import REMOVAL_LIFE
from app.identity.notices import tell_of_head
from app.jobs import Sweep, job

ANYTHING_OVER = Query(bool, "identity.anything_over", roles=(WORKER,))
DELETE_OVER = Query(int, "identity.delete_over", roles=(WORKER,))
KEEP_PLACES = timedelta(days=180)
"""As long as a device is known."""
KEEP_INVITATIONS = timedelta(days=90)
"""Of ended ones, for who asks what became of them; the roles that they gave stay."""
KEEP_FAILURES = timedelta(days=365)
"""Of wrong activation codes, from the last one: ten tries a year at 65 bits are none."""


def _limits() -> dict[str, datetime]:
    now = clock.real()
    return {
        "now": now,
        "attempts_before": now - timedelta(days=1),
        "places_before": now - KEEP_PLACES,
        "answers_before": now - timedelta(days=RETENTION_DAYS),
        "invitations_before": now - KEEP_INVITATIONS,
        "failures_before": now - KEEP_FAILURES,
        "removals_before": now - REMOVAL_LIFE,
    }


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    """Wait for nobody: whatever is over goes after everything that is due in business time."""
    return now if await ANYTHING_OVER.one(session, **_limits()) else None


async def run(session: AsyncSession, _until: datetime) -> int:
    return await DELETE_OVER.one(session, **_limits())


@job(MAIL_HEAD)
async def mail_head(session: AsyncSession, position: str) -> None:
    await tell_of_head(session, int(position))


SWEEPS = (Sweep("identity.delete_expired", due, run),)
