import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import text
from starlette.requests import Request

from app import logs
from app.http.middleware import clients_id
from tests.world import World

CANARY = "RSSMRA85T10A562S"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """The product's logging, into memory; put back afterwards."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers, root.level, structlog.get_config()
    made = io.StringIO()
    logs.configure(made)
    yield made
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**configured)


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in {"timestamp", "milliseconds"}}


def failure() -> RuntimeError:
    try:
        int(CANARY)
    except ValueError as error:
        failed = RuntimeError(CANARY)
        failed.__cause__ = error
        return failed
    raise AssertionError


async def test_a_request_line_names_the_route_never_the_path(client: httpx.AsyncClient, output: io.StringIO) -> None:
    answer = await client.get(f"/v1/{CANARY}?code={CANARY}", headers={"X-Request-Id": CANARY})
    assert [without_time(line) for line in lines(output)] == [
        {
            "event": "request",
            "level": "info",
            "method": "GET",
            "route": "unmatched",
            "status": 404,
            "actor_kind": "unknown",
            "request_id": answer.headers["x-request-id"],
            "client_request": clients_id(CANARY),
        }
    ]
    assert CANARY not in output.getvalue()


async def test_a_request_line_names_the_person_or_the_key_by_id(
    client: httpx.AsyncClient, world: World, output: io.StringIO
) -> None:
    provider = await world.provider("Cooperativa Serio")
    url = f"/v1/providers/{provider.public_id}"
    await client.get(url, headers=provider.headers["manager"])
    await client.get(url, headers=await world.api_key(provider, ["provider:read"]))
    person, key = (line for line in lines(output) if line["event"] == "request")
    assert (person["actor_kind"], person["principal_id"]) == ("user", str(provider.users["manager"]))
    assert (key["actor_kind"], "principal_id" in key) == ("api_key", False)
    assert key["key_id"] == str(await world.scalar("SELECT id FROM api_key"))


async def test_a_canary_in_body_path_query_and_method_stays_out(client: httpx.AsyncClient, output: io.StringIO) -> None:
    await client.post("/v1/sandbox/clock", json={"now": CANARY, CANARY: CANARY})
    await client.post(f"/v1/sandbox/clock?{CANARY}={CANARY}", content=f"{{{CANARY}", headers={"Cookie": CANARY})
    await client.get("/v1/sandbox/mail", params={"to": CANARY}, headers={"Authorization": f"Bearer {CANARY}"})
    await client.request(CANARY, "/v1/sandbox/clock")
    assert len(lines(output)) == 4
    assert lines(output)[3]["method"] == "other"
    assert CANARY not in output.getvalue()


async def test_a_canary_in_an_exception_stays_out(app: FastAPI, client: httpx.AsyncClient, output: io.StringIO) -> None:
    async def broken(request: Request) -> None:
        raise ValueError(f"bad code {request.query_params['code']}")

    async def refused(request: Request) -> None:
        async with app.state.database.session() as session:
            await session.execute(text("SELECT CAST(:code AS integer)"), {"code": request.query_params["code"]})

    app.add_route("/broken", broken)
    app.add_route("/refused", refused)
    assert (await client.get("/broken", params={"code": CANARY})).status_code == 500
    assert (await client.get("/refused", params={"code": CANARY})).status_code == 422
    assert CANARY not in output.getvalue()
    error = lines(output)[0]
    assert (error["event"], error["error_class"]) == ("unhandled_exception", "ValueError")
    assert "broken" in error["error_at"]


def test_messages_of_libraries_keep_their_place_only(output: io.StringIO) -> None:
    library = logging.getLogger("procrastinate.worker")
    library.info("not shown %s", CANARY)
    library.warning("job %s", CANARY)
    library.error("job %s failed", CANARY, exc_info=failure(), extra={"job": {"args": CANARY}})
    first, second = lines(output)
    assert without_time(first) == {
        "event": "library_message",
        "level": "warning",
        "logger": "procrastinate.worker",
        "where": first["where"],
    }
    assert first["where"].startswith("test_logs.py:")
    assert (second["level"], second["error_class"]) == ("error", "RuntimeError")
    assert CANARY not in output.getvalue()


def test_unknown_keys_values_and_events_are_dropped(output: io.StringIO) -> None:
    structlog.get_logger().info("a " + CANARY, fiscal_code=CANARY, status={"code": CANARY}, count=3, sweep="s" * 500)
    assert [without_time(line) for line in lines(output)] == [
        {"event": "unnamed_event", "level": "info", "status": "dict", "count": 3, "sweep": "s" * 200}
    ]


def test_the_console_shows_no_more(output: io.StringIO) -> None:
    logs.configure(output, console=True)
    structlog.get_logger().info("started", fiscal_code=CANARY, count=3)
    structlog.get_logger().error("failed", exc_info=failure())
    assert CANARY not in output.getvalue()
    assert "started" in output.getvalue()
    assert "RuntimeError" in output.getvalue()
