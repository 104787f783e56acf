"""The demo's webhook endpoint: a provider's software on this machine, switched off until somebody runs one."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Actor
from app.events.vocabulary import ALL_TYPES
from app.sandbox.demo_parties import World
from app.webhooks import actions

PROVIDER = "cooperativa-serio"
URL = "http://127.0.0.1:9000/beatrice"


async def load(session: AsyncSession, world: World) -> None:
    organisation_id = world.organisations[PROVIDER]
    roles = frozenset({"manager", "admin"})
    manager = Actor("user", world.users[f"manager@{PROVIDER}.example"], organisation_id, roles)
    types = [each for each in ALL_TYPES if each.startswith(("booking.", "settlement."))]
    made, _ = await actions.create(
        session, manager, organisation_id, url=URL, description="Gestionale di prova", event_types=list(types)
    )
    await actions.change(session, manager, organisation_id, made.id, made.version, {"enabled": False})
