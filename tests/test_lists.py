"""Every list, as every list: pages forward and back show the same rows in each order, counted, linked, bound."""

import re
from typing import Any, get_args

import httpx
import pytest

from app.http.route import BeatriceRoute, _is_page
from tests.territory import ROLES, Territory, routes

LISTS = [route for route in routes() if _is_page(route.response_model) and route.audience.name != "sandbox"]
STEPS = 3
"""So far each list is walked: some have thousands of rows."""
LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')
GROWS = {"audit_event_list"}
"""Reading it is an entry of its own."""


def orders_of(route: BeatriceRoute) -> tuple[str, ...]:
    (order,) = [field for field in fields_of(route) if field.name == "order"]
    orders: tuple[str, ...] = get_args(order.field_info.annotation)
    return orders


def fields_of(route: BeatriceRoute) -> list[Any]:
    return [field for dependency in route.dependant.dependencies for field in dependency.query_params]


async def reader(route: BeatriceRoute, sides: Territory, client: httpx.AsyncClient) -> dict[str, str]:
    """Return the headers of somebody who may read the list on side A."""
    for role in ROLES:
        headers = sides.a.headers[role]
        if (await client.get(sides.a.path(route.path), headers=headers)).status_code == 200:
            return headers
    raise AssertionError(f"nobody may read {route.path}")


async def read(client: httpx.AsyncClient, path: str, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await client.get(path, params=query, headers=headers)
    assert answer.status_code == 200, (path, query, answer.text)
    page: dict[str, Any] = answer.json()
    links = {rel: url for url, rel in LINK.findall(answer.headers.get("link", ""))}
    assert links.keys() == {rel for rel in ("next", "prev") if page[f"{rel}_cursor"] is not None}
    for rel, url in links.items():
        followed = httpx.URL(url)
        assert followed.path == httpx.URL(path).path
        assert dict(followed.params) == {key: str(value) for key, value in query.items() if key != "cursor"} | {
            "cursor": page[f"{rel}_cursor"]
        }
    return page


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.operation_id)
async def test_a_list_is_the_same_both_ways(
    route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient
) -> None:
    path, headers = sides.a.path(route.path), await reader(route, sides, land_client)
    seen = []
    for order in orders_of(route):
        page = await read(land_client, path, headers, limit=1, order=order)
        assert (page["prev_cursor"], page["total"]) == (None, None)
        forward = [page]
        while page["next_cursor"] is not None and len(forward) < STEPS:
            page = await read(land_client, path, headers, limit=1, order=order, cursor=page["next_cursor"])
            forward.append(page)
        back = [page]
        while len(back) < len(forward):
            page = await read(land_client, path, headers, limit=1, order=order, cursor=page["prev_cursor"])
            assert page["next_cursor"] is not None
            back.append(page)
        assert [one["data"] for one in reversed(back)] == [one["data"] for one in forward]
        if route.operation_id not in GROWS:
            assert page["prev_cursor"] is None
        whole = await read(land_client, path, headers, limit=100, order=order, count="true")
        if route.operation_id not in GROWS:
            assert [row for one in forward for row in one["data"]] == whole["data"][: len(forward)]
        assert whole["total"] == len(whole["data"]) or whole["next_cursor"] is not None
        seen.append(whole)
    if seen[0]["next_cursor"] is None and len(seen) > 1 and seen[1]["data"] and order_turns(route):
        assert seen[1]["data"] == seen[0]["data"][::-1]
    if seen[0]["total"] > 1 and len(seen) > 1 and route.operation_id not in GROWS:
        cursor = (await read(land_client, path, headers, limit=1))["next_cursor"]
        other = {"order": orders_of(route)[1], "cursor": cursor}
        refused = await land_client.get(path, params=other, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_cursor")


def order_turns(route: BeatriceRoute) -> bool:
    """Whether the second order is the first one turned round."""
    first, second = orders_of(route)[:2]
    return route.operation_id not in GROWS and first.removeprefix("-") == second.removeprefix("-")


def test_every_list_is_walked() -> None:
    assert len(LISTS) > 40
    assert {field.name for route in LISTS for field in fields_of(route)} >= {"limit", "cursor", "order", "count"}
