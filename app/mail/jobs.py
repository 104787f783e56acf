"""The job that sends a mail."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import jobs
from app.mail import actions


@jobs.job("mail.send")
async def send(session: AsyncSession, mail_id: str) -> None:
    await actions.deliver(session, UUID(mail_id))
