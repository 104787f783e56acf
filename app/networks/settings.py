"""Setting a value at a level: what holds from a day on; what was said before stays."""

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.errors import Invalid
from app.networks.models import SettingLevel, SettingValue
from app.networks.schemas import SettingValueCreate


async def set_value(session: AsyncSession, actor: Actor, new: SettingValueCreate) -> SettingValue:
    """Say what a setting is at a level from a day on. Bounds, levels and objects are the database's to refuse."""
    if new.valid_from < clock.today():
        raise Invalid("/valid_from", "past", "must not be before today")
    made = insert(SettingValue).values(
        id=ids.new_id(), level=_level(new), set_by=actor.user_id, created_at=clock.now(), **dict(new)
    )
    return (await session.scalars(made.returning(SettingValue))).one()


def _level(new: SettingValueCreate) -> SettingLevel:
    """Return the level of the object that is named."""
    objects: dict[SettingLevel, object] = {
        "network": new.network_id,
        "alliance": new.alliance_id,
        "organisation": new.organisation_id,
        "programme": new.programme_id,
    }
    named = [level for level, object_id in objects.items() if object_id is not None]
    if len(named) > 1:
        raise Invalid(f"/{named[1]}_id", "one_level", "name at most one object")
    return named[0] if named else "platform"
