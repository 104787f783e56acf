"""What every part of the test world stands on: its database, its clock, and units of work like the product's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Database, Role, open_unit_of_work

START = datetime(2020, 1, 1, tzinfo=UTC)
"""When everybody and everything came that is not of a test's own time."""


class Base:
    """Every method commits (a savepoint in rolled-back tests)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._count = 0

    @asynccontextmanager
    async def work(self, role: Role = "beatrice_app", *, at: datetime | None = None) -> AsyncIterator[AsyncSession]:
        """A unit of work under a role, at the shared business time or with time standing still at an instant."""
        async with self.database.begin(role) as session:
            with nullcontext() if at is None else clock.stopped_at(at):
                yield session

    async def act(self, at: datetime, action: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any) -> Any:
        """Run an action in a transaction of its own, with time standing still at an instant."""
        async with self.work(at=at) as session:
            return await action(session, *args, **kwargs)

    async def execute(self, sql: str | Insert, **values: Any) -> list[Any]:
        async with self.work() as session:
            result: Any = await session.execute(text(sql) if isinstance(sql, str) else sql, values)
            return list(result.all()) if result.returns_rows else []

    async def scalar(self, sql: str, **values: Any) -> Any:
        return (await self.execute(sql, **values))[0][0]

    async def refused(self, guard: str, *statements: tuple[str, dict[str, Any]], role: str = "beatrice_app") -> None:
        """Somebody with SQL: this constraint or SQLSTATE refuses one of the statements, or a check at the end."""
        async with self.database.session() as session:
            await open_unit_of_work(session, role)
            with pytest.raises(DBAPIError) as refusal:  # noqa: PT012 - any of them
                for sql, values in (*statements, ("SET CONSTRAINTS ALL IMMEDIATE", {})):
                    await session.execute(text(sql), values)
            await session.rollback()
        original = refusal.value.orig
        assert isinstance(original, psycopg.Error)
        assert (original.diag.constraint_name or original.diag.sqlstate) == guard

    async def set_now(self, instant: datetime) -> None:
        """Let business time start at an instant, as the sandbox's clock would."""
        await self.execute("UPDATE clock_offset SET offset_interval = :offset", offset=instant - clock.real())

    def _next(self) -> int:
        self._count += 1
        return self._count
