"""A provider whose software is told what happens, on a database of its own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from app import ids
from app.db import Database
from app.events import jobs as events_jobs
from app.events.actions import NewEvent, record
from app.sandbox.actions import database_url, run_jobs
from app.webhooks import jobs as webhooks_jobs
from tests.world import Party, World

SWEEPS = (*events_jobs.SWEEPS, *webhooks_jobs.SWEEPS)


@dataclass
class Hooks:
    """One provider with what it may do, and the worker as `POST /v1/sandbox/jobs/run` lets it run."""

    client: httpx.AsyncClient
    world: World
    database: Database
    provider: Party

    def path(self, *rest: str) -> str:
        return "/".join((f"/v1/organisations/{self.provider.public_id}/webhook_endpoints", *rest))

    async def ask(self, method: str, *rest: str, role: str = "manager", **more: Any) -> httpx.Response:
        headers = self.provider.headers[role] | more.pop("headers", {})
        return await self.client.request(method, self.path(*rest), headers=headers, **more)

    async def endpoint(self, url: str, *types: str) -> dict[str, Any]:
        body = {"url": url, "event_types": list(types or ("booking.confirmed", "slot.cancelled"))}
        answer = await self.ask("POST", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def happened(self, *subjects: UUID, type_: str = "slot.cancelled") -> list[UUID]:
        """Record an event about each subject, in this order."""
        async with self.world.work() as session:
            kind = type_.partition(".")[0]
            await record(session, *(NewEvent(type_, kind, subject, (self.provider.id,)) for subject in subjects))
        return list(subjects)

    async def run(self) -> dict[str, int]:
        return await run_jobs(database_url(self.database), SWEEPS)

    async def deliveries(self, endpoint_id: str) -> list[dict[str, Any]]:
        """Return the log, oldest first."""
        answer = await self.ask("GET", endpoint_id, "deliveries?limit=100")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found[::-1]

    async def let_pass(self, endpoint_id: str, time: timedelta) -> None:
        """Let a real time pass for an endpoint: all its instants lie as much further back."""
        for table, key, columns in (
            ("webhook_endpoint", "id", ("failing_since", "rest_until", "previous_until")),
            ("webhook_delivery", "endpoint_id", ("next_attempt_at", "attempted_at", "created_at")),
        ):
            moved = ", ".join(f"{column} = {column} - :time" for column in columns)
            await self.world.execute(
                f"UPDATE {table} SET {moved} WHERE {key} = :id", time=time, id=ids.decode("whe", endpoint_id)
            )


def slots(count: int) -> list[UUID]:
    return [ids.new_id() for _ in range(count)]
