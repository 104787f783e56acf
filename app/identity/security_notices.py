"""What a person is told by mail about her own login: whoever did it, she learns of it."""

from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.config import settings
from app.identity.proof import Account
from app.mail.actions import NewMail, send

What = Literal["new_login", "password_changed", "second_factor_added", "second_factor_removed", "recovery_code_used"]


async def tell(session: AsyncSession, account: Account, what: What) -> None:
    await send(session, NewMail("security_notice", account.email, account.locale, _values(what)))


def _values(what: What) -> dict[str, object]:
    return {"what": what, "public_url": settings().public_url}
