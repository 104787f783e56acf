"""Setting a value at a level: what holds from a day on; what was said before stays.

What weakens a setting that protects people or money waits for another person; the database tells which does.
"""

from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.networks.errors import SettingConfirmerIsSetter
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


async def confirm_value(session: AsyncSession, actor: Actor, value_id: UUID) -> SettingValue:
    """Let a value hold that weakens a setting, as another person than who set it, before its first day is over."""
    found = select(SettingValue).where(SettingValue.id == value_id).with_for_update(key_share=True)
    said = await session.scalar(found)
    if said is None:
        raise NotFound
    if not said.needs_second or said.confirmed_by is not None:
        raise AlreadyResolved("in_force" if said.confirmed_by is None else "confirmed")
    if said.set_by == actor.user_id:
        raise SettingConfirmerIsSetter
    if said.valid_from < clock.today():
        raise StateConflict("late", "The value's first day is over: set it anew.")
    confirmed = {"confirmed_by": actor.user_id, "confirmed_at": clock.now()}
    own = update(SettingValue).where(SettingValue.id == value_id).values(**confirmed).returning(SettingValue)
    return (await session.scalars(own)).one()


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
