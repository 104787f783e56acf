"""Who reaches what: every route, called by every role, on its own side, the neighbour's and nobody's."""

import os
from typing import Any

import httpx
import pytest

from app import ids
from app.edge.permissions import PERSON, ROLE_PERMISSIONS
from app.http.route import BeatriceRoute
from tests import territory
from tests.conftest import Cluster
from tests.territory import ROLES, Side, Territory, method_of, routes
from tests.world import problem

OUTSIDERS = (
    ROLES if os.environ.get("BEATRICE_SOAK") else ("anonymous", "employee", "hr", "manager", "observer", "finance")
)
AUDIENCES = {
    "company": territory.COMPANY_ROLES,
    "provider": territory.PROVIDER_ROLES,
    "organisation": territory.PROVIDER_ROLES,
    "alliance": territory.ALLIANCE_ROLES,
    "operator": territory.OPERATOR_ROLES,
    "sandbox": territory.OPERATOR_ROLES,
}
"""The roles that live in the tenant of an audience."""
GUARDED = [route for route in routes() if route.audience.scope is not None]
GROUPS = [
    pytest.param([route for route in routes() if route.audience.name == name], id=name)
    for name in sorted({route.audience.name for route in routes()})
]
UNREADY = {"settlement_run_payment_file": 409, "claim_run_payment_file": 409}
"""Reading that a state forbids: the run is not approved."""
UNAPPOINTED = {"mandated_grant_approve", "mandated_grant_approve_revocation"}
"""No company of the territory appointed its alliance: to its coordinator a grant is nobody's."""


def nobodys(route: BeatriceRoute, side: Side, *, own_tenant: bool) -> str:
    """The route's path with well-formed ids that nothing has (its tenant may be one's own)."""
    values = {name: ids.encode(own[:3], ids.new_id()) for name, own in side.ids.items()}
    membership = values["membership_id"]
    tenant = route.audience.tenant
    if own_tenant and tenant is not None:
        values[tenant] = side.ids[tenant]
    return territory.fill(route.path, values, membership)


def neighbours(route: BeatriceRoute, side: Side, other: Side, *, own_tenant: bool) -> str:
    values = dict(other.ids)
    tenant = route.audience.tenant
    if own_tenant and tenant is not None:
        values[tenant] = side.ids[tenant]
    return territory.fill(route.path, values, other.organisation_of(route.path))


def names_objects(route: BeatriceRoute) -> bool:
    """Does the path name an object besides the tenant?"""
    return route.path.replace("{" + str(route.audience.tenant) + "}", "").replace("{period}", "").count("{") > 0


@pytest.mark.parametrize("group", GROUPS)
async def test_outsiders_get_nothing(
    group: list[BeatriceRoute], sides: Territory, land_client: httpx.AsyncClient
) -> None:
    """Side A's people on side B's paths: 401 without a login, 404 in a foreign tenant, 403 without a role at all."""
    for route in group:
        await call_as_outsiders(route, sides, land_client)


async def call_as_outsiders(route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient) -> None:
    if route.access.permission == "public":
        return
    tenant = route.audience.scope is not None
    for role in OUTSIDERS:
        if not tenant and role != "anonymous" and not names_objects(route):
            continue  # one's own data
        if route.audience.scope == "platform" and role in territory.OPERATOR_ROLES:
            continue  # the operator serves both sides
        path = neighbours(route, sides.a, sides.b, own_tenant=False)
        answer = await sides.ask(land_client, route, path, sides.a.headers[role])
        expected = {404}
        if role == "anonymous":
            expected = {401}
        elif route.audience.scope == "platform":
            expected = {403}
        elif not tenant and method_of(route) != "GET":
            expected = {404, 422}
        assert answer.status_code in expected, (route.operation_id, role, answer.status_code, answer.text)
        assert sides.b.canary not in answer.text + str(answer.headers)


@pytest.mark.parametrize("group", GROUPS)
async def test_the_neighbours_id_is_nobodys_id(
    group: list[BeatriceRoute], sides: Territory, land_client: httpx.AsyncClient
) -> None:
    """The same bytes for a foreign id and one that does not exist, in a foreign tenant and inside one's own."""
    for route in group:
        if route.access.permission == "public" or "{" not in route.path or route.audience.scope == "platform":
            continue
        for role in AUDIENCES.get(route.audience.name, ("employee",)):
            await compare_ids(route, role, sides, land_client, own_tenant=False)
            if names_objects(route):
                await compare_ids(route, role, sides, land_client, own_tenant=True)


async def compare_ids(
    route: BeatriceRoute, role: str, sides: Territory, land_client: httpx.AsyncClient, *, own_tenant: bool
) -> None:
    headers = sides.a.headers[role]
    foreign = await sides.ask(land_client, route, neighbours(route, sides.a, sides.b, own_tenant=own_tenant), headers)
    absent = await sides.ask(land_client, route, nobodys(route, sides.a, own_tenant=own_tenant), headers)
    assert (foreign.status_code, problem(foreign)) == (absent.status_code, problem(absent)), route.operation_id
    assert foreign.status_code >= 400
    if method_of(route) == "GET" and allowed(route, role):
        assert foreign.status_code == 404, (route.operation_id, foreign.text)
    differing = {"x-request-id", "ratelimit-remaining", "ratelimit-reset"}
    assert {name: value for name, value in foreign.headers.items() if name not in differing} == {
        name: value for name, value in absent.headers.items() if name not in differing
    }


def allowed(route: BeatriceRoute, role: str) -> bool:
    return route.access.permission in PERSON | ROLE_PERMISSIONS.get(role, frozenset())


@pytest.mark.parametrize("route", [pytest.param(route, id=str(route.operation_id)) for route in GUARDED])
async def test_roles_reach_what_their_permission_says(
    route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient
) -> None:
    """Within one's own organisation: 403 without the permission; reading works with it."""
    roles = AUDIENCES[route.audience.name]
    for role in sorted(roles, key=lambda role: allowed(route, role)):  # who may, may change the object
        answer = await sides.ask(land_client, route, sides.a.path(route.path), sides.a.headers[role])
        if not allowed(route, role):
            assert (role, answer.status_code, answer.json()["code"]) == (role, 403, "forbidden")
        elif method_of(route) == "GET":
            expected = UNREADY.get(str(route.operation_id), 200)
            assert (role, answer.status_code) == (role, expected), answer.text
        else:
            assert answer.status_code < 500, answer.text
            hidden = str(route.operation_id) in UNAPPOINTED and answer.status_code == 404
            assert hidden or answer.status_code not in {401, 404}, answer.text
            assert answer.status_code != 403 or answer.json()["code"] == "approver_is_maker", answer.text


async def test_the_person_and_the_public_read_their_own(sides: Territory, land_client: httpx.AsyncClient) -> None:
    for route in routes():
        if method_of(route) == "GET" and route.access.permission in PERSON:
            role = "anonymous" if route.access.permission == "public" else "employee"
            query = "?q=albino" if route.path == "/v1/municipalities" else ""
            answer = await sides.ask(land_client, route, sides.a.path(route.path) + query, sides.a.headers[role])
            wanted = 404 if route.path == "/v1/auth/invitations/{token}" else 200  # the id is nobody's token
            assert answer.status_code == wanted, (route.path, answer.text)


SECRETS = {
    "S.p.A.": {"employee", *territory.COMPANY_ROLES, *territory.OPERATOR_ROLES},
    "employee": {"employee", *territory.COMPANY_ROLES},
    "programme": {"employee", *territory.COMPANY_ROLES},
    "relative": {"employee", *territory.PROVIDER_ROLES},
    "claimed": {"employee", "operator"},
    "note": {"employee", *territory.PROVIDER_ROLES},
    "key": {"manager"},
}
"""Whose eyes a text of side A is for; nobody else on side A finds it anywhere."""


async def read_everything(sides: Territory, land_client: httpx.AsyncClient, role: str) -> tuple[set[str], list[str]]:
    """Call every GET with side A's ids; return the routes that answered 2xx, and all bodies and headers."""
    reached, texts = set(), []
    for route in routes():
        if method_of(route) != "GET":
            continue
        answer = await sides.ask(land_client, route, sides.a.path(route.path), sides.a.headers[role])
        texts.append(f"{route.path} {answer.headers} {answer.text}")
        assert answer.status_code < 500, texts[-1]
        if answer.status_code < 300:
            reached.add(route.path)
    return reached, texts


@pytest.mark.parametrize("role", ROLES)
async def test_no_answer_holds_what_is_not_for_these_eyes(
    role: str, sides: Territory, land_client: httpx.AsyncClient
) -> None:
    _, texts = await read_everything(sides, land_client, role)
    if role not in territory.OPERATOR_ROLES:
        assert [text for text in texts if sides.b.canary.lower() in text.lower()] == []
    for word, eyes in SECRETS.items():
        if role not in eyes:
            for side in (sides.a, sides.b):
                assert [text for text in texts if f"{side.canary} {word}" in text] == [], word


async def test_the_canaries_are_there_to_be_found(sides: Territory, land_client: httpx.AsyncClient) -> None:
    """Otherwise the test above proves nothing."""
    found: dict[str, set[str]] = {}
    for role in ("anonymous", "employee", "hr", "manager", "operator"):
        _, texts = await read_everything(sides, land_client, role)
        found[role] = {word for word in SECRETS if any(f"{sides.a.canary} {word}" in text for text in texts)}
    assert found["employee"] >= {"relative", "claimed", "note", "programme", "S.p.A."}
    assert found["manager"] >= {"relative", "note", "key"}
    assert found["hr"] >= {"employee", "programme"}
    assert found["operator"] >= {"S.p.A.", "claimed"}
    assert found["anonymous"] == set()


CARE = ("Provider A", "Assistenza domiciliare", "KanariA relative", "KanariA claimed", "KanariA note", "KanariA reason")
"""Words that only care knows."""


@pytest.mark.parametrize("role", territory.COMPANY_ROLES)
async def test_the_company_reaches_its_own_prefix_only(
    role: str, sides: Territory, land_client: httpx.AsyncClient
) -> None:
    reached, texts = await read_everything(sides, land_client, role)
    theirs = [text for text in texts if text.startswith("/v1/companies/")]
    assert len(theirs) >= 10
    assert [text for text in theirs for word in CARE if word in text] == []
    public = {route.path for route in routes() if route.access.permission == "public"}
    own_person = {path for path in reached if path.startswith("/v1/me")}
    company = reached - public - own_person
    assert company != set()
    assert [
        path for path in company if not path.startswith(("/v1/companies/{company_id}/", "/v1/organisations/"))
    ] == []
    words = ("booking", "quote", "beneficiar", "slot", "unit", "claim", "wallet", "dispute", "settlement")
    assert [path for path in company if any(word in path for word in words)] == []


async def test_no_mail_shows_a_neighbour(land: tuple[str, Territory], cluster: Cluster) -> None:
    """What was mailed to one side never names the other."""
    with cluster.admin(land[0]) as connection:
        mails = connection.execute("SELECT recipient, subject || text FROM outgoing_mail").fetchall()
    assert [mail for mail in mails if "kanaria" in mail[0].lower() and land[1].b.canary in mail[1]] == []
    assert [mail for mail in mails if land[1].a.canary in mail[1] and land[1].b.canary in mail[1]] == []


FOREIGN_REFERENCES = [
    ("employee", "POST", "/v1/me/quotes", {"offering_id": "offering_id", "beneficiary_id": "beneficiary_id"}),
    ("employee", "POST", "/v1/me/bookings", {"quote_id": "quote_id"}),
    ("hr", "POST", "/v1/companies/{company_id}/grants", {"programme_id": "programme_id"}),
]


@pytest.mark.parametrize(("role", "method", "path", "references"), FOREIGN_REFERENCES)
async def test_a_neighbours_id_in_a_body_is_nobodys_id(
    role: str,
    method: str,
    path: str,
    references: dict[str, str],
    sides: Territory,
    land_client: httpx.AsyncClient,
) -> None:
    """References in bodies are scoped as paths are."""
    rest: dict[str, Any] = {}
    if path.endswith("/quotes"):
        rest = {"slot_ids": [sides.a.ids["slot_id"]], "offering_id": sides.a.ids["offering_id"]}
    if path.endswith("/grants"):
        rest = {"each_cents": 100}
    answers = []
    for origin in ("neighbour", "nobody"):
        body = dict(rest)
        for name, key in references.items():
            if name not in rest:
                body[name] = (
                    sides.b.ids[key] if origin == "neighbour" else ids.encode(sides.b.ids[key][:3], ids.new_id())
                )
        answers.append(
            await land_client.request(
                method,
                sides.a.path(path),
                json=body,
                headers=sides.a.headers[role] | {"Idempotency-Key": f"reference-{origin}"},
            )
        )
    foreign, absent = answers
    assert (foreign.status_code, problem(foreign)) == (absent.status_code, problem(absent))
    assert foreign.status_code in {404, 422}, foreign.text
