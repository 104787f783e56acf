"""What tests of the catalogue and of capacity publish."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.world import Caller, Party, given

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""Monday, 9:00 in Rome."""
ALBINO, CLUSONE, BERGAMO = given.ALBINO, "016077", "016024"

OFFERING: dict[str, Any] = {
    **given.OFFERING,
    "service_area": [ALBINO, CLUSONE],
    "min_age": 18,
    "max_age": None,
    "min_notice_hours": 24,
    "cancellation": {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000},
    "audience": "public",
}


def base(party: Party) -> str:
    return f"/v1/providers/{party.public_id}"


async def publish(client: httpx.AsyncClient, party: Party, **changes: Any) -> dict[str, Any]:
    return dict(await Caller(client, party.headers["manager"], base(party)).post("/offerings", OFFERING | changes))


async def slot(
    client: httpx.AsyncClient, party: Party, offering_id: str, hours: float, *, capacity: int = 1
) -> dict[str, Any]:
    """Publish a one-hour slot that starts some hours after NOW."""
    start = NOW + timedelta(hours=hours)
    body = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(), "capacity": capacity}
    manager = Caller(client, party.headers["manager"], base(party))
    return dict(await manager.post(f"/offerings/{offering_id}/slots", body))
