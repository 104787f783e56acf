"""Setting a value at a level, as an operator's route does."""

from datetime import date
from uuid import UUID

from app.actor import Actor
from app.networks.models import SettingName
from app.networks.schemas import SettingValueCreate
from app.networks.settings import set_value
from tests.world import World


async def say(world: World, by: UUID, name: SettingName, value: int | None, on: date, **named: UUID) -> UUID:
    """Let somebody say what a setting is from a day on, for everybody or for what is named; return the entry's id."""
    said = SettingValueCreate(name=name, value=value, reason="agreed", valid_from=on, **named)
    async with world.database.begin() as session:
        return (await set_value(session, Actor("user", by), said)).id
