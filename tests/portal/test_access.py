"""A page allows what the endpoints that it calls allow, no more: a direct call skips the callee's own declaration."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import pytest

from app import api
from app.edge.permissions import PERSON, ROLE_PERMISSIONS
from app.http.route import BeatriceRoute
from app.portal.route import PageRoute

Endpoint = Callable[..., Any]
ROUTES = {
    route.endpoint: route
    for router in api.ROUTERS + api.SANDBOX_ROUTERS
    for route in router.routes
    if isinstance(route, BeatriceRoute)
}
PAGES = [
    route
    for router in api.PAGES + getattr(api, "SANDBOX_PAGES", ())
    for route in router.routes
    if isinstance(route, PageRoute)
]


@cache
def called(function: FunctionType) -> frozenset[Endpoint]:
    """Return the endpoints that a page's code names, also through functions of the portal."""
    found, seen, waiting = set(), {function}, [function]
    while waiting:
        for named in _named(waiting.pop()):
            if named in ROUTES:
                found.add(named)
            elif isinstance(named, FunctionType) and named.__module__.startswith("app.portal") and named not in seen:
                seen.add(named)
                waiting.append(named)
    return frozenset(found)


def _named(function: FunctionType) -> Iterator[object]:
    """Follow every name in a body to what it is: `x`, and `x.y` where x is a module or a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    asked = {part for call in _questions(tree) for argument in call.args for part in ast.walk(argument)}
    for node in (inner for statement in tree.body for inner in ast.walk(statement)):
        found: object = None
        if node in asked:
            continue
        if isinstance(node, ast.Name):
            found = function.__globals__.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = function.__globals__.get(node.value.id)
            found = getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
        if isinstance(found, FunctionType):
            yield found


def _questions(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "may":
            yield node


@cache
def asked_for(function: FunctionType) -> frozenset[str]:
    """Return the names of endpoints that `may` is asked about before they are called, also in functions beneath."""
    found, seen, waiting = set(), {function}, [function]
    while waiting:
        tree = ast.parse(textwrap.dedent(inspect.getsource(waiting[-1]))).body[0]
        for named in _named(waiting.pop()):
            if isinstance(named, FunctionType) and named.__module__.startswith("app.portal") and named not in seen:
                seen.add(named)
                waiting.append(named)
        found |= {part.attr for call in _questions(tree) for part in ast.walk(call) if isinstance(part, ast.Attribute)}
    return frozenset(found)


def id_of(route: PageRoute) -> str:
    return f"{'+'.join(sorted(route.methods))} {route.path}"


def test_the_test_sees_the_calls() -> None:
    by_id = {id_of(route): route for route in PAGES}
    names = {one.__name__ for one in called(by_id["GET+HEAD /offerings/{offering_id}"].endpoint)}
    assert names >= {"offering_get", "provider_get", "slot_search", "beneficiary_list", "wallet_get", "category_list"}
    assert {one.__name__ for one in called(by_id["POST /me/quotes/{quote_id}/book"].endpoint)} == {"booking_create"}


@pytest.mark.parametrize("page", [pytest.param(route, id=id_of(route)) for route in PAGES])
def test_a_page_allows_no_more_than_its_endpoints(page: PageRoute) -> None:
    for endpoint in called(page.endpoint):
        behind = ROUTES[endpoint]
        if behind.access.permission not in PERSON:
            if endpoint.__name__ not in asked_for(page.endpoint):
                holders = [role for role in ROLE_PERMISSIONS.values() if page.access.permission in role]
                assert all(behind.access.permission in role for role in holders), endpoint.__name__
            assert behind.audience == page.audience, endpoint.__name__
        if page.methods == {"POST"}:
            continue
        assert behind.methods == {"GET"}, f"{endpoint.__name__} changes something: pages that are read never do"
    if page.audience.tenant is not None:
        assert f"{{{page.audience.tenant}}}" in page.path


@pytest.mark.parametrize("page", [pytest.param(route, id=id_of(route)) for route in PAGES if route.methods == {"POST"}])
def test_a_form_asks_what_its_command_asks(page: PageRoute) -> None:
    """Key, proof and audit entry are the command's; somebody signed in for it where the command asks that."""
    commands = [ROUTES[one] for one in called(page.endpoint) if ROUTES[one].methods != {"GET"}]
    assert commands != []
    for command in commands:
        if command.access.permission != "public":
            assert page.access.permission == command.access.permission, command.path
        assert page.access.step_up == command.access.step_up, command.path
        assert page.access.idempotent >= command.access.idempotent, command.path
        assert page.access.audit == command.access.audit, command.path
        assert page.access.stores_answer <= command.access.stores_answer, command.path
