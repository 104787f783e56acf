"""Mails about bookings. They name no service, provider, relative or day: a mailbox is not private."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries
from app.bookings.decisions import RELEASE_DAYS, REMINDER_DAYS
from app.bookings.queries import Inbox
from app.config import settings
from app.mail.actions import NewMail, send_many

News = Literal["booking_delivered", "booking_no_show", "booking_cancelled", "dispute_decided"]


async def tell(session: AsyncSession, user_id: UUID, news: News, booking_id: UUID) -> None:
    """Tell a person that something she did not do herself happened to a booking of hers."""
    inboxes = await queries.INBOXES_OF_PEOPLE.all(session, ids=[user_id])
    values = {"booking": ids.encode("bkg", booking_id), "dispute_days": settings().dispute_days}
    await send_many(session, [_mail(news, inbox, **values) for inbox in inboxes])


async def warn(session: AsyncSession, user_ids: Collection[UUID]) -> None:
    """Tell people, in one mail each, that credit may not pay something any more and that they decide about it."""
    if user_ids:
        inboxes = await queries.INBOXES_OF_PEOPLE.all(session, ids=sorted(set(user_ids)))
        await send_many(session, [_mail("booking_needs_review", inbox) for inbox in inboxes])


async def tell_providers(session: AsyncSession, provider_ids: Collection[UUID]) -> None:
    """Tell providers before they go that visits are no more, or that the family pays for them."""
    inboxes = await queries.INBOXES_OF_PROVIDERS.all(session, ids=sorted(provider_ids), now=clock.real())
    mails = [_mail("visits_changed", inbox, provider=ids.encode("org", inbox.id)) for inbox in inboxes]
    await send_many(session, mails)


async def remind_providers(session: AsyncSession, provider_ids: Collection[UUID]) -> None:
    """Remind providers of units that they have not reported, one mail each."""
    if provider_ids:
        inboxes = await queries.INBOXES_OF_PROVIDERS.all(session, ids=sorted(provider_ids), now=clock.real())
        mails = [
            _mail("units_unreported", inbox, provider=ids.encode("org", inbox.id), days=RELEASE_DAYS)
            for inbox in inboxes
        ]
        await send_many(session, mails)


async def ask_people(session: AsyncSession, user_ids: Collection[UUID]) -> None:
    """Ask people whether what they booked took place, where nobody said so."""
    if user_ids:
        inboxes = await queries.INBOXES_OF_PEOPLE.all(session, ids=sorted(user_ids))
        await send_many(
            session,
            [_mail("was_it_delivered", inbox, days_left=RELEASE_DAYS - REMINDER_DAYS[-1]) for inbox in inboxes],
        )


def _mail(template: str, inbox: Inbox, **values: object) -> NewMail:
    return NewMail(template, inbox.email, inbox.locale, {"public_url": settings().public_url, **values})
