"""What an endpoint is told about its request, as one value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.actor import Actor, Locale

T = TypeVar("T")


@dataclass(slots=True)
class Place:
    """Where an endpoint stands: its transaction, who calls, for which organisation or alliance, in which language.

    `tenant` is the object that the path names for the audience (company, provider, organisation, alliance); asking for
    it elsewhere is a programming error. `expected` is the version that a change was made from (If-Match). `version`,
    `subject` and `shown` are what the endpoint says about its answer: the ETag, the object that the audit entry names,
    the objects that a list showed; `speaks` says that the answer has text in the caller's language.
    """

    session: AsyncSession
    actor: Actor
    spoken: Locale
    tenant_id: UUID | None
    expected: int | None = None
    version: int | None = None
    subject: UUID | None = None
    shown: Sequence[UUID] | None = None
    speaks: bool = False

    @property
    def tenant(self) -> UUID:
        if self.tenant_id is None:
            raise TypeError("this audience has no tenant")
        return self.tenant_id

    @property
    def language(self) -> Locale:
        """The caller's language; asking for it means that the answer is written in it."""
        self.speaks = True
        return self.spoken

    @property
    def expected_version(self) -> int:
        if self.expected is None:
            raise TypeError("only a change names a version")
        return self.expected

    def tagged(self, version: int, answer: T) -> T:
        """Return the answer and let its ETag be this version."""
        self.version = version
        return answer

    def about(self, subject: UUID, answer: T) -> T:
        """Return the answer and let the audit entry name this new object."""
        self.subject = subject
        return answer

    def showing(self, objects: Iterable[UUID]) -> None:
        """Let the audit entry name what a list shows."""
        self.shown = list(objects)


async def _place(request: Request) -> Place:
    place: Place = request.state.place
    return place


At = Annotated[Place, Depends(_place)]
