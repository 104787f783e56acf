"""Writing and sending mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from functools import lru_cache
from uuid import UUID

import aiosmtplib
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import select, update
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, jobs
from app.actor import Locale
from app.config import settings
from app.db import APP, HR, NOTHING, WORKER, Query
from app.mail.models import OutgoingMail

WRITE = Query(NOTHING, "mail.write_mails", roles=(APP, HR, WORKER))


@dataclass(frozen=True)
class NewMail:
    """A message to write: template name (without language), recipient, language, values of the template."""

    template: str
    recipient: str
    locale: Locale
    values: Mapping[str, object]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("app.mail"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text, never HTML
        keep_trailing_newline=True,
    )


async def send(session: AsyncSession, *mails: NewMail) -> None:
    """Write mails in the caller's transaction and queue their sending."""
    await send_many(session, mails)


async def send_many(session: AsyncSession, mails: Sequence[NewMail], *, together: bool = False) -> None:
    """Write mails and queue their sending; `together`, for the worker alone: by one job where no server takes them."""
    if not mails:
        return
    mail_ids = [ids.new_id() for _ in mails]
    rendered = [
        _templates().get_template(f"{mail.locale}/{mail.template}.txt.j2").render(mail.values).split("\n", 1)
        for mail in mails
    ]
    await WRITE.run(
        session,
        ids=mail_ids,
        recipients=[mail.recipient for mail in mails],
        subjects=[subject for subject, _ in rendered],
        texts=[body.strip() + "\n" for _, body in rendered],
        at=clock.now(),
    )
    if together and settings().smtp_url is None:
        await jobs.defer(session, "mail.keep", mail_ids=" ".join(map(str, mail_ids)))
    else:
        await jobs.defer_many(session, "mail.send", [{"mail_id": str(mail_id)} for mail_id in mail_ids])


async def deliver(session: AsyncSession, mail_id: UUID) -> None:
    """Hand one mail to the SMTP server (at least once); without a server the row itself is the sandbox's mailbox."""
    row = await session.scalar(
        select(OutgoingMail)
        .where(OutgoingMail.id == mail_id, OutgoingMail.sent_at.is_(None), OutgoingMail.text != "")
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return
    smtp_url = settings().smtp_url
    if smtp_url is not None:
        await _smtp(smtp_url, row.recipient, row.subject, row.text)
    kept = {"text": ""} if smtp_url is not None else {}
    await session.execute(update(OutgoingMail).where(OutgoingMail.id == mail_id).values(sent_at=clock.now(), **kept))


async def keep(session: AsyncSession, mail_ids: Sequence[UUID]) -> None:
    """Put many mails into the sandbox's mailbox at once: there is no server that takes them one by one."""
    waiting = update(OutgoingMail).where(OutgoingMail.id.in_(mail_ids), OutgoingMail.sent_at.is_(None))
    await session.execute(waiting.values(sent_at=clock.now()))


async def _smtp(smtp_url: str, recipient: str, subject: str, body: str) -> None:
    message = EmailMessage()
    message["From"] = settings().mail_from
    message["To"] = recipient
    message["Subject"] = subject
    message.set_content(body)
    url = make_url(smtp_url)
    await aiosmtplib.send(
        message,
        hostname=url.host,
        port=url.port or 587,
        username=url.username,
        password=url.password,
        use_tls=url.drivername == "smtps",
        start_tls=None if url.drivername == "smtps" else settings().mode == "production",
        timeout=15,
    )
