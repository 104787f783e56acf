"""What somebody tries first of one person: her names, her organisations', and the municipalities around them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Query

WORDS_ABOUT = Query(str, "identity.words_about")


async def words_about(
    session: AsyncSession, email: str, *, organisation_id: UUID | None = None, employee_id: UUID | None = None
) -> list[str]:
    """Return the words of a login, and of the employment or organisation that it is to be linked to."""
    return await WORDS_ABOUT.all(session, email=email, organisation_id=organisation_id, employee_id=employee_id)
