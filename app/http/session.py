from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.actor import Actor


async def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.place.session
    return session


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.place.actor
    return actor


async def _language(request: Request) -> str:
    language: str = request.state.place.language
    return language


SessionDep = Annotated[AsyncSession, Depends(_session)]
ActorDep = Annotated[Actor, Depends(_actor)]
LanguageDep = Annotated[str, Depends(_language)]
