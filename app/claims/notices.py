"""Mails about claims. They name no care, document or sum: a mailbox is not private."""

from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.claims import queries
from app.config import settings
from app.mail.actions import NewMail, send_many

News = Literal["claim_asked", "claim_decided", "claim_paid"]


async def tell(session: AsyncSession, news: News, people: dict[UUID, UUID]) -> None:
    """Tell people that something happened to a claim of theirs: claim by person."""
    for user_id, claim_id in sorted(people.items()):
        inboxes = await queries.INBOX.all(session, user_ids=[user_id])
        values = {"public_url": settings().public_url, "claim": ids.encode("clm", claim_id)}
        await send_many(session, [NewMail(news, inbox.email, inbox.locale, values) for inbox in inboxes])
