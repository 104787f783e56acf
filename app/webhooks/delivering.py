"""Serving one endpoint: what is due, one message after the other, each noted as it ends.

No transaction is open while a stranger is waited for. A worker that dies between the answer and its note has the
message sent again: with the same id and body.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import SYSTEM
from app.audit.actions import record
from app.config import settings
from app.db import Database
from app.identity.notices import tell_administrators
from app.jobs import WORKER_ROLE
from app.webhooks import queries, retries
from app.webhooks.messages import message_of
from app.webhooks.models import DisabledReason, WebhookDelivery, WebhookEndpoint
from app.webhooks.queries import Due
from app.webhooks.sending import Guarded, Outcome, post

BATCH = 20
BUDGET = timedelta(seconds=10)
"""Then the others have their turn."""


async def serve(database: Database, endpoint_id: UUID) -> None:
    """Send an endpoint what is due, until there is nothing more, a try fails, or its turn is over."""
    until = clock.real() + BUDGET
    while clock.real() < until:
        async with database.begin(WORKER_ROLE) as session:
            due = await queries.DUE.all(session, endpoint_id=endpoint_id, now=clock.real(), limit=BATCH)
        if not due:
            return
        for each in due:
            if clock.real() >= until or not await attempt(database, each):
                return
        if due[0].pending == len(due):
            return


async def attempt(database: Database, due: Due) -> bool:
    """Send one message and note how it went; tell whether to go on."""
    began = clock.real()
    guarded = Guarded(loopback=settings().calls_loopback)
    outcome = await post(message_of(due, began), guarded, seconds=settings().webhook_timeout_seconds)
    async with database.begin(WORKER_ROLE) as session:
        if outcome.problem is None:
            await _succeeded(session, due, outcome, began)
        else:
            await _failed(session, due, outcome, clock.real())
    return outcome.problem is None


async def _succeeded(session: AsyncSession, due: Due, outcome: Outcome, began: datetime) -> None:
    now = clock.real()
    await queries.SUCCEEDED.run(
        session,
        id=due.id,
        endpoint_id=due.endpoint_id,
        attempts=due.attempts,
        answer_status=outcome.status,
        slow=now - began > retries.SLOW,
        now=now,
    )


async def _failed(session: AsyncSession, due: Due, outcome: Outcome, now: datetime) -> None:
    again = retries.next_attempt(due.attempts + 1, now)
    since = due.failing_since or now
    endpoint = update(WebhookEndpoint).where(WebhookEndpoint.id == due.endpoint_id)
    rest = retries.rest(due.failures + 1, outcome.retry_after)
    await session.execute(
        endpoint.values(failures=WebhookEndpoint.failures + 1, failing_since=since, rest_until=now + rest)
    )
    await _note_failure(session, due, outcome, again, now)
    reason = retries.reason_to_end(outcome.status, since, now)
    if reason is not None:
        await _switch_off(session, due, reason, now)


async def _note_failure(
    session: AsyncSession, due: Due, outcome: Outcome, again: datetime | None, now: datetime
) -> None:
    """Note a failed try on its delivery, unless another worker noted one since it was read."""
    tried = update(WebhookDelivery).where(
        WebhookDelivery.id == due.id, WebhookDelivery.status == "pending", WebhookDelivery.attempts == due.attempts
    )
    await session.execute(
        tried.values(
            status="failed" if again is None else "pending",
            attempts=due.attempts + 1,
            next_attempt_at=again,
            attempted_at=now,
            answer_status=outcome.status,
            problem=outcome.problem,
        )
    )


async def _switch_off(session: AsyncSession, due: Due, reason: DisabledReason, now: datetime) -> None:
    """End an endpoint that does not answer, and tell its organisation's administrators."""
    active = update(WebhookEndpoint).where(WebhookEndpoint.id == due.endpoint_id, WebhookEndpoint.status == "active")
    ended = await session.scalar(active.values(**off(reason, now)).returning(WebhookEndpoint.id))
    if ended is None:
        return
    await give_up(session, due.endpoint_id)
    await record(session, SYSTEM, "webhook_endpoint.disable", "webhook_endpoint", due.endpoint_id)
    values = {"url": due.url, "reason": reason}
    await tell_administrators(session, due.organisation_id, "webhook_disabled", values)


def off(reason: DisabledReason, now: datetime) -> dict[str, object]:
    """Return what an endpoint that is switched off looks like."""
    return {
        "status": "disabled", "disabled_reason": reason, "disabled_at": now, "version": WebhookEndpoint.version + 1,
    }  # fmt: skip


async def give_up(session: AsyncSession, endpoint_id: UUID) -> None:
    """End what waits for an endpoint that gets nothing more; it can be asked for again."""
    waiting = update(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.status == "pending"
    )
    await session.execute(waiting.values(status="failed", next_attempt_at=None, problem="endpoint_ended"))
