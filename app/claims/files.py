"""Uploading what a claim is about: loose until a claim takes it, sealed, forgotten after a day."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.claims import queries, sealing
from app.claims.errors import TooManyFiles
from app.claims.queries import MAX_LOOSE
from app.errors import Invalid
from app.files.documents import MediaType, document


async def upload(session: AsyncSession, user_id: UUID, raw: bytes) -> tuple[UUID, MediaType, int]:
    """Store a document as what its bytes are; return its id, kind and size."""
    kind, content = document(raw)
    now = clock.now()
    if await queries.drop_loose(session, user_id, now) >= MAX_LOOSE:
        raise TooManyFiles
    file_id = ids.new_id()
    await queries.add_file(
        session,
        id=file_id,
        user_id=user_id,
        media_type=kind,
        size_bytes=len(content),
        sealed_content=sealing.seal_file(content, file_id),
        created_at=now,
    )
    return file_id, kind, len(content)


async def take(session: AsyncSession, user_id: UUID, claim_id: UUID, file_ids: Sequence[UUID]) -> None:
    """Give uploaded files to a claim; Invalid where one is not the person's, or belongs to a claim already."""
    if file_ids and await queries.take_files(session, user_id, claim_id, file_ids) != len(file_ids):
        raise Invalid("/file_ids", "unknown_file", "upload the file first; each belongs to one claim")


async def content(
    session: AsyncSession, claim_id: UUID, file_id: UUID, *, user_id: UUID | None = None
) -> tuple[MediaType, bytes]:
    """Return a file of a claim as it was uploaded."""
    stored = await queries.file(session, claim_id, file_id, user_id=user_id)
    return stored.media_type, sealing.unseal_file(stored.sealed_content, file_id)
