"""What endpoints ask for: the request's session, actor and language."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.actor import Actor


async def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


async def _language(request: Request) -> str:
    """Return `it` (default) or `en`, by the first language of Accept-Language that we speak."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag = part.partition(";")[0].strip().partition("-")[0]
        if tag in {"it", "en"}:
            return tag
    return "it"


SessionDep = Annotated[AsyncSession, Depends(_session)]
ActorDep = Annotated[Actor, Depends(_actor)]
LanguageDep = Annotated[str, Depends(_language)]
