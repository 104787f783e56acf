"""Offerings, their slots and seats."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app import ids
from app.capacity import actions as capacity_actions
from app.capacity.schemas import SlotCreate
from app.catalogue import actions as catalogue
from app.catalogue.schemas import OfferingCreate, PriceCreate
from tests.world.base import START
from tests.world.credit import Credit
from tests.world.given import OFFERING, sent
from tests.world.parties import Party


class Care(Credit):
    """Publishes as a provider does."""

    async def offering(self, provider: Party, **fields: Any) -> UUID:
        async with self.work(at=START) as session:
            return await catalogue.create_offering(session, provider.id, sent(OfferingCreate, OFFERING, **fields))

    async def price(self, provider: Party, offering_id: UUID, price_cents: int, valid_from: date) -> None:
        """Another price from a day on."""
        wanted = PriceCreate(price_cents=price_cents, valid_from=valid_from)
        async with self.work(at=START) as session:
            await catalogue.add_price(session, provider.id, offering_id, wanted)

    async def slot(self, provider: Party, offering_id: UUID, starts_at: datetime, *, capacity: int = 1) -> UUID:
        """A one-hour slot, published in time; the bench may ask for more seats than a provider."""
        wanted = SlotCreate.model_construct(
            starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), capacity=capacity
        )
        async with self.work(at=starts_at - timedelta(days=365)) as session:
            (made,) = await capacity_actions.create_slots(session, provider.id, offering_id, [wanted], pointer="")
            return made

    async def take_seats(self, slot_id: UUID, seats: int = 1) -> UUID:
        """Let somebody have seats of a slot; return the holder, an allotment."""
        holder = ids.new_id()
        refused = await self.scalar(
            "SELECT take_seats(ARRAY[CAST(:id AS uuid)], 'allotment', ARRAY[CAST(:holder AS uuid)],"
            " ARRAY[CAST(:slot AS uuid)], ARRAY[CAST(:seats AS integer)], :at, NULL, :at)",
            id=ids.new_id(),
            holder=holder,
            slot=slot_id,
            seats=seats,
            at=START,
        )
        assert refused is None
        return holder
