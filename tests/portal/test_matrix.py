"""Who reaches which page: every page and form, in every role; new pages are found by themselves."""

import httpx
import pytest

from app import api
from app.edge.permissions import PERSON, REGISTRAR_PERMISSIONS, ROLE_PERMISSIONS
from app.portal.route import PageRoute
from tests import territory
from tests.portal.browsing import Browsing
from tests.territory import ROLES, Side, Territory
from tests.test_matrix import AUDIENCES, CARE, SECRETS

PAGES = [
    route
    for router in api.PAGES + getattr(api, "SANDBOX_PAGES", ())
    for route in router.routes
    if isinstance(route, PageRoute)
]
READ = [route for route in PAGES if "GET" in route.methods]
FORMS = [route for route in PAGES if route.methods == {"POST"}]
OUTSIDERS = ("anonymous", "employee", "hr", "manager", "observer", "finance")


def allowed(route: PageRoute, role: str) -> bool:
    return route.access.permission in PERSON | ROLE_PERMISSIONS.get(role, frozenset())  # type: ignore[call-overload]


def path_on(side: Side, route: PageRoute) -> str:
    membership = side.ids["alliance_membership_id" if route.path.startswith("/alliances") else "membership_id"]
    return territory.fill(route.path, {**side.ids, "language": "en"}, membership)


def expected(route: PageRoute, role: str) -> set[int]:
    """Return what a page on one's own side answers: itself, a redirect to the login, or that it is not one's own."""
    permission = route.access.permission
    if permission == "public":
        return {404} if route.path == "/invitations/{token}" else {200, 303}  # nobody's token is among the ids
    if role == "anonymous":
        return {303}
    if permission in PERSON:
        return {200} if permission == "session" or "{" not in route.path or role == "employee" else {404}
    if role == "operator" and route.audience.name == "organisation":
        return {200} if permission in REGISTRAR_PERMISSIONS else {403}
    if role not in AUDIENCES[route.audience.name]:
        return {403} if route.audience.scope == "platform" else {404}
    return {200, 409} if allowed(route, role) else {403}


@pytest.mark.parametrize("role", ROLES)
async def test_pages_are_for_whom_they_are(role: str, sides: Territory, land_client: httpx.AsyncClient) -> None:
    """Every page on one's own side; what is said there is for these eyes only."""
    somebody, texts = Browsing(land_client, sides.a.headers[role]), []
    for route in READ:
        answer = await somebody.get(path_on(sides.a, route))
        assert answer.status_code in expected(route, role), (route.path, role, answer.status_code, answer.text[-2000:])
        if answer.status_code == 303 and not route.path.startswith("/language"):
            assert answer.headers["location"].startswith("/login?next="), route.path
        texts.append(f"{route.path} {answer.headers} {answer.text}")
    if role not in territory.OPERATOR_ROLES:
        assert [text for text in texts if sides.b.canary.lower() in text.lower()] == []
    for word, eyes in SECRETS.items():
        if role not in eyes:
            assert [text for text in texts if f"{sides.a.canary} {word}" in text] == [], word
    if role in territory.COMPANY_ROLES:
        company = [text for text in texts if text.startswith("/companies/")]
        assert [text for text in company if any(word in text for word in CARE)] == []


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_the_neighbours_pages_are_nobodys(role: str, sides: Territory, land_client: httpx.AsyncClient) -> None:
    somebody = Browsing(land_client, sides.a.headers[role])
    for route in READ:
        if route.access.permission == "public" or (route.audience.scope is None and "{" not in route.path):
            continue
        if route.audience.scope == "platform" and role in territory.OPERATOR_ROLES:
            continue  # the operator serves both sides
        answer = await somebody.get(path_on(sides.b, route))
        wanted = 303 if role == "anonymous" else 403 if route.audience.scope == "platform" else 404
        assert (route.path, answer.status_code) == (route.path, wanted)
        assert sides.b.canary not in answer.text


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_the_neighbours_forms_do_nothing(role: str, sides: Territory, land_client: httpx.AsyncClient) -> None:
    somebody = Browsing(land_client, sides.a.headers[role])
    for route in FORMS:
        if route.access.permission in {"public", "session"} or "{" not in route.path:
            continue
        if route.audience.scope == "platform" and role in territory.OPERATOR_ROLES:
            continue
        answer = await somebody.send(path_on(sides.b, route))
        wanted = {403} if route.audience.scope == "platform" else {404}
        if role == "anonymous":
            wanted = {303}
        elif route.audience.scope is None:
            wanted = {404, 422, 303} if route.access.step_up else {404, 422}
        assert answer.status_code in wanted, (route.path, role, answer.status_code, answer.text[-2000:])
        if answer.status_code == 303:
            assert answer.headers["location"].startswith(("/login?next=", "/step_up?next=")), route.path
        assert sides.b.canary not in answer.text


@pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in FORMS if route.audience.scope])
async def test_a_form_needs_the_right_of_its_command(
    route: PageRoute, sides: Territory, land_client: httpx.AsyncClient
) -> None:
    """Within one's own organisation: 403 without the permission, never a fault with it."""
    for role in sorted(AUDIENCES[route.audience.name], key=lambda role: allowed(route, role)):
        answer = await Browsing(land_client, sides.a.headers[role]).send(path_on(sides.a, route))
        if allowed(route, role):
            assert answer.status_code < 500, answer.text[-2000:]
        else:
            assert (role, answer.status_code) == (role, 403), route.path
