"""The nightly proof that the ledger adds up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from procrastinate import JobContext

from app import clock
from app.db import Database
from app.jobs import WORKER_ROLE, blueprint
from app.ledger import verify

log = structlog.get_logger()
ROME_HOUR: Final = 3


@blueprint.periodic(cron="0 1,2 * * *")  # UTC: one of the two is three o'clock in Rome
@blueprint.task(name="ledger.verify", queue="default", queueing_lock="ledger.verify", pass_context=True)
async def verify_nightly(context: JobContext, timestamp: int) -> None:
    """Verify the ledger at 03:00 Rome and keep the result, which payouts look at."""
    if datetime.fromtimestamp(timestamp, UTC).astimezone(clock.ROME).hour == ROME_HOUR:
        await verify_and_record(context.additional_context["database"], context.additional_context["passes"])


async def verify_and_record(database: Database, passes: Sequence[verify.Pass]) -> verify.Report:
    async with database.begin(WORKER_ROLE) as session:
        report = await verify.verify(session, passes)
        await verify.record(session, report)
    if not report.ok:
        log.error("ledger_does_not_add_up", count=len(report.differences))
    return report
