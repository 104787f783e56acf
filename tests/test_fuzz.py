"""Generated requests on the published schema: never a 5xx, never an undocumented status, never an echo."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from app.db import APP_TIMEOUTS, Database
from app.edge.permissions import PERSON, ROLE_PERMISSIONS
from app.http.route import BeatriceRoute
from app.main import create_app
from tests import territory
from tests.conftest import Cluster
from tests.territory import Side, Territory, routes

FACTOR = 300 if os.environ.get("BEATRICE_SOAK") else 1
EXAMPLES = {"positive": 13 * FACTOR, "negative": 9 * FACTOR, "wild ids": 6 * FACTOR}
EDGES = (
    0,
    -1,
    1,
    99,
    100,
    101,
    10_000,
    10_001,
    100_000_000,
    100_000_001,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
)
NOT_FUZZED = {
    "session_revoke": "ends the session that the others use",
    "clock_move": "moves the clock so far that nothing else is bookable; tests/sandbox",
    "jobs_run": "empties what the others need; tests/sandbox",
}
QUIET = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
GROUPS = sorted({route.audience.name for route in routes()})


@dataclass
class Target:
    """The schema on an application of its own, with neighbours' data in its database."""

    schema: Any
    side: Side
    document: dict[str, Any]
    vocabulary: str


@pytest.fixture(scope="module")
def target(land: tuple[str, Territory], cluster: Cluster) -> Iterator[Target]:
    from schemathesis import openapi

    name = cluster.clone(land[0])
    engine = create_async_engine(
        cluster.app_url(name),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"options": f"{APP_TIMEOUTS} -c timezone=UTC"},
    )
    app: FastAPI = create_app(Database(engine))
    document = app.openapi()
    schema = openapi.from_asgi("/openapi.json", app)
    yield Target(schema, land[1].a, document, json.dumps(document, ensure_ascii=False))
    cluster.drop(name)


def headers_of(route: BeatriceRoute, side: Side) -> dict[str, str]:
    """Whoever gets furthest: the first role with the permission."""
    if route.access.permission in PERSON:
        return side.headers["anonymous" if route.access.permission == "public" else "employee"]
    return next(
        side.headers[role]
        for role in (*territory.ROLES, "admin")
        if route.access.permission in ROLE_PERMISSIONS.get(role, frozenset())
    )


def known_ids(route: BeatriceRoute, side: Side) -> dict[str, str]:
    values = {**side.ids, "membership_id": side.organisation_of(route.path), "token": "x" * 43}
    return {name: value for name, value in values.items() if "{" + name + "}" in route.path}


def edged(value: Any, edge: int) -> Any:
    """Put an edge where integers are."""
    if isinstance(value, dict):
        return {name: edged(item, edge) for name, item in value.items()}
    if isinstance(value, list):
        return [edged(item, edge) for item in value]
    return edge if isinstance(value, int) and not isinstance(value, bool) else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():  # a pointer may name an unknown key
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def check(target: Target, route: BeatriceRoute, method: str, case: Any, answer: Any) -> None:
    """Judge one answer by the published schema."""
    said = answer.content.decode("utf-8", "replace")
    about = (route.operation_id, case.path_parameters, str(case.query)[:300], str(case.body)[:600], said[:600])
    documented = target.document["paths"][route.path][method]["responses"]
    assert answer.status_code < 500, about
    if answer.status_code == 414:
        return  # the edge's own answer, before any route
    assert str(answer.status_code) in documented, (answer.status_code, about)
    if answer.status_code < 400:
        return
    problem = json.loads(said)
    assert (problem["status"], set(problem) >= {"type", "title", "code", "detail", "errors", "request_id"}) == (
        answer.status_code,
        True,
    ), about
    assert f"`{problem['code']}`" in documented[str(answer.status_code)]["description"], about
    sent = [*texts(case.body), *texts(dict(case.query or {})), *texts(dict(case.path_parameters or {}))]
    # A generated text may be one of our own error codes, or our name in their addresses: those are no echo.
    own = {"code": "", "type": "", "errors": [{**error, "code": ""} for error in problem["errors"]]}
    shown = json.dumps({**problem, **own}, ensure_ascii=False)
    echoed = [text for text in sent if len(text) > 7 and text in shown and text not in target.vocabulary]
    assert echoed == [], about


def fuzz(target: Target, route: BeatriceRoute, mode: str) -> int:
    """Send generated requests to one route; return how many."""
    from schemathesis import GenerationMode

    kind = GenerationMode.NEGATIVE if mode == "negative" else GenerationMode.POSITIVE
    (method,) = (name.lower() for name in route.methods)
    fixed = None if mode == "wild ids" else known_ids(route, target.side) or None
    credentials = headers_of(route, target.side)
    cases = target.schema[route.path][method].as_strategy(kind, path_parameters=fixed)
    asked = 0

    @settings(QUIET, max_examples=EXAMPLES[mode])
    @given(case=cases, edge=st.sampled_from((None, None, *EDGES)))
    def call(case: Any, edge: int | None) -> None:
        nonlocal asked
        asked += 1
        if edge is not None and isinstance(case.body, dict):
            case.body = edged(case.body, edge)
        case.headers.pop("Authorization", None)
        extra = {"Idempotency-Key": f"{route.operation_id}-{mode}-{asked}"} if route.access.idempotent else {}
        extra |= {"If-Match": f'"{1 + asked % 3}"'} if method == "patch" else {}
        check(target, route, method, case, case.call(headers=credentials | extra))

    with suppress(Unsatisfiable):  # without parameters nothing can be wrong
        call()
    return asked


@pytest.mark.parametrize("audience", GROUPS)
@pytest.mark.parametrize("mode", ["positive", "negative", "wild ids"])
def test_generated_requests(target: Target, audience: str, mode: str) -> None:
    """Positive: fits the schema, on real objects; negative: does not fit; wild: the ids are generated, too."""
    group = [route for route in routes() if route.audience.name == audience and route.operation_id not in NOT_FUZZED]
    if mode == "wild ids":
        group = [route for route in group if "{" in route.path]
    with capture_logs():
        asked = [fuzz(target, route, mode) for route in group]
    assert sum(asked) > 0 or group == []
