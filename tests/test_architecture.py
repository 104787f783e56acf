"""House rules that fail a build: size, who commits, what every endpoint declares, what the docs must list."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import iter_route_contexts

from app import api
from app.edge.permissions import ALL_PERMISSIONS, API_KEY_SCOPES, PERSON, ROLE_PERMISSIONS, OrganisationRole
from app.errors import AppError, error_classes
from app.http.route import BeatriceRoute

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "app").rglob("*.py"))
LONGEST_FUNCTION, LONGEST_FILE = 70, 500
LONG_FUNCTIONS: dict[str, str] = {}
LONG_FILES: dict[str, str] = {}
ROLLBACKS = {
    "app/identity/proof.py:without_connection": "gives the connection back while a password is hashed; nothing written",
    "app/identity/proof.py:start_over": "a wrong code keeps its count and nothing that a right password had written",
    "app/sandbox/endpoints.py:jobs_run": "reads only, then runs the sweeps in their own transactions",
}
COMMITTERS = ("app/edge/", "app/jobs.py", "app/cli.py", "app/db.py")
NO_MODEL = {
    "account_statement_export": "text/csv",
    "claim_file_get": "application/octet-stream",
    "claim_run_payment_file": "application/xml",
    "employee_export": "text/csv",
    "employee_template": "text/csv",
    "operator_claim_file_get": "application/octet-stream",
    "payroll_export_csv": "text/csv",
    "grant_line_export": "text/csv",
    "grant_template": "text/csv",
    "programme_report_export": "text/csv",
    "settlement_csv": "text/csv",
    "tax_statement_csv": "text/csv",
    "settlement_run_payment_file": "application/xml",
}
"""Routes that answer bytes: their media type is in the description of their 200."""


def path_of(source: Path) -> str:
    return str(source.relative_to(ROOT))


def routes() -> list[BeatriceRoute]:
    """Every route of every audience, the sandbox's too."""
    return [
        route
        for router in api.ROUTERS + api.SANDBOX_ROUTERS
        for route in router.routes
        if isinstance(route, BeatriceRoute)
    ]


@pytest.fixture(scope="module")
def openapi(built_app: FastAPI) -> dict[str, Any]:
    return built_app.openapi()


# Size and shape of the code


def functions(source: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_and_files_are_short() -> None:
    assert len(SOURCES) > 60
    long_functions = {
        f"{path_of(source)}:{node.name}"
        for source in SOURCES
        for node in functions(source)
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert long_functions == set(LONG_FUNCTIONS)
    assert {path_of(s) for s in SOURCES if len(s.read_text().splitlines()) > LONGEST_FILE} == set(LONG_FILES)


def test_no_module_for_everything_and_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "constants", "common", "misc", "base", "services", "service"}
    assert [path_of(source) for source in SOURCES if source.stem in vague or source.parent.name in vague] == []


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, f"{ast.unparse(node.func.value)}.{node.func.attr}"


def test_only_the_edges_commit() -> None:
    """Actions run inside the caller's transaction: whoever opened it ends it."""
    found = {
        f"{path_of(source)}:{function.name}"
        for source in SOURCES
        if not path_of(source).startswith(COMMITTERS)
        for function in functions(source)
        for _, call in calls(function)
        if call.endswith((".commit", ".run_and_commit", ".rollback"))
    }
    assert found == set(ROLLBACKS)


def test_only_the_clock_asks_the_machine() -> None:
    asking = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time")
    found = [
        f"{path_of(source)}:{line}: {call}"
        for source in SOURCES
        if path_of(source) != "app/clock.py"
        for line, call in calls(ast.parse(source.read_text()))
        if call in asking or call.endswith(tuple("." + name for name in asking))
    ]
    assert found == []


def contracts() -> list[dict[str, Any]]:
    """Return import-linter's contracts: the order of the packages, and the order inside a module."""
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return found


def layer_of(name: str) -> set[str]:
    """Return the files that stand on one line with a file inside a module."""
    lines = [set(re.findall(r"\w+", line)) for line in contracts()[1]["layers"]]
    return next(line for line in lines if name in line)


def modules() -> set[str]:
    """Return the packages that have the layers of a module."""
    layered = {"endpoints", "jobs", "actions", "queries", "models"}
    return {source.parent.name for source in SOURCES if source.stem in layered and source.parent.parent.name == "app"}


def imports(source: Path) -> Iterator[tuple[str, str]]:
    """Give each import as where from and what."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", name.name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)


def test_no_web_framework_under_the_endpoints() -> None:
    """Verbs, rules, queries and models know no request."""
    found = {
        f"{path_of(source)}: {module}"
        for source in SOURCES
        if source.parent.name in modules() and source.stem not in layer_of("endpoints")
        for module, _ in imports(source)
        if module.split(".")[0] in {"fastapi", "starlette"}
    }
    assert found == set()


def test_decisions_are_pure() -> None:
    """Neither database nor clock; of the queries they know the rows, which are facts like any other."""
    found = []
    for source in SOURCES:
        if source.parent.name not in modules() or source.stem not in layer_of("decisions"):
            continue
        tree = ast.parse(source.read_text())
        asked = {call for _, call in calls(tree)} & {"clock.now", "clock.today", "clock.real"}
        waits = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
        used = {
            f"{module}.{name}"
            for module, name in imports(source)
            if module.split(".")[0] in {"sqlalchemy", "psycopg"}
            or f"{module}.{name}".startswith("app.db.")
            or name in {"queries", "actions"}
            or (module.endswith(".queries") and not re.match(r"[A-Z][a-z]", name))
        }
        found += [f"{path_of(source)}: {what}" for what in sorted(asked | waits | used)]
    assert found == []


def test_imports_point_downwards() -> None:
    """Both contracts, and the one for the inside holds in every module."""
    assert {name.removeprefix("app.") for name in contracts()[1]["containers"]} == modules()
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]


# What every endpoint declares


def test_the_application_serves_exactly_the_listed_routes(built_app: FastAPI) -> None:
    served = {
        (method, route.path)
        for route in iter_route_contexts(built_app.router.routes)
        if (route.path or "").startswith(("/v1", "/hsds"))
        for method in route.methods or ()
    }
    listed = {(method, route.path) for route in routes() for method in route.methods}
    assert served == listed | {("GET", "/v1/status")}  # a probe: it has no transaction
    assert sum(len(route.methods) for route in routes()) == len(listed)  # no route hides another
    assert len(listed) > 90


def test_no_route_is_shadowed_by_an_earlier_one() -> None:
    """Where two patterns fit one path, the first answers: the literal one must come first."""
    listed = routes()
    samples = [re.sub(r"\{[^}]+\}", "x", route.path) for route in listed]
    shadowed = [
        (earlier.path, route.path)
        for position, (route, sample) in enumerate(zip(listed, samples, strict=True))
        for earlier in listed[:position]
        if earlier.methods & route.methods and earlier.path_regex.match(sample)
    ]
    assert shadowed == []


def test_every_endpoint_declares_its_permission_and_answer() -> None:
    for route in routes():
        name = route.operation_id
        assert route.access.permission in ALL_PERMISSIONS, name
        if route.response_model is None and route.status_code != 204:
            media_types = route.responses.get(200, {}).get("content", {})
            assert list(media_types) == [NO_MODEL.get(str(name))], name


def test_tenant_routes_need_a_role_and_personal_routes_do_not() -> None:
    for route in routes():
        personal = route.access.permission in PERSON
        tenant = route.audience.scope is not None
        assert personal != tenant, route.operation_id
        if route.audience.tenant is not None:
            assert "{" + route.audience.tenant + "}" in route.path
        if route.path.startswith("/v1/companies/"):
            for_payroll = route.access.permission.startswith("payroll:")  # which HR's role has no right to
            assert (route.audience.database_role == "beatrice_hr") != for_payroll, route.path


def test_operation_ids_are_unique_noun_verbs() -> None:
    names = [str(route.operation_id) for route in routes()]
    assert sorted(names) == sorted(set(names))
    odd = [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)]
    assert odd == []
    verbs = {"GET": ("_read", "_list", "_preview"), "PATCH": ("_update", "_patch")}
    by_method = {(next(iter(route.methods)), str(route.operation_id)) for route in routes()}
    assert [name for method, name in by_method if method == "PATCH" and not name.endswith(verbs["PATCH"])] == []


def test_lists_are_pages_and_pages_are_bounded(openapi: dict[str, Any]) -> None:
    for path, item in openapi["paths"].items():
        operation = item.get("get")
        if operation is None:
            continue
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        schema = json.dumps(operation["responses"].get("200", {}))
        if "/Page_" in schema and "cursor" in names:
            assert "limit" in names, path


def test_errors_are_documented_with_their_codes(openapi: dict[str, Any]) -> None:
    """Every route names each error class it declares, under its status, as a problem."""
    for route in routes():
        operation = openapi["paths"][route.path][next(iter(route.methods)).lower()]
        assert operation["operationId"] == route.operation_id
        always = {"422", "429", "503"} | ({"401"} if route.access.permission != "public" else set())
        always |= {"400", "413", "415"} if route.methods & {"POST", "PUT", "PATCH"} else set()
        always |= {"409"} if route.access.idempotent else set()
        assert always <= set(operation["responses"]), route.operation_id
        for kind in route.access.errors:
            described = operation["responses"][str(kind.status)]
            assert f"`{kind.code}`" in described["description"], (route.operation_id, kind.code)
        for status, described in operation["responses"].items():
            if int(status) >= 400:
                assert list(described["content"]) == ["application/problem+json"], (route.operation_id, status)


def test_money_moves_need_a_key() -> None:
    """api.md: top-ups, grants, bookings (every verb), slot cancel, settlement runs."""
    moving = re.compile(
        r"/top_ups$|/top_ups/\{\w+\}/(confirm|return)$|/grants$|/grants/\{\w+\}/\w+$|/bookings$|/bookings/\{\w+\}/\w+$"
        r"|/slots/\{\w+\}/cancel$|/settlement_runs$|/settlement_runs/\{\w+\}/\w+$|/claims|/withdrawals$|/payouts"
    )
    without = [
        route.path
        for route in routes()
        if "POST" in route.methods and moving.search(route.path) and not route.access.idempotent
    ]
    assert without == []
    assert len([route for route in routes() if route.access.idempotent]) >= 15


def test_changes_need_a_version() -> None:
    for route in routes():
        if "PATCH" in route.methods:
            assert "if-match" in {field.alias for field in get_flat_params(route.dependant)}, route.path


# Permissions


def test_every_permission_is_used_and_every_scope_known() -> None:
    used = {route.access.permission for route in routes()}
    assert used - PERSON <= ALL_PERMISSIONS
    assert [
        name for name in ALL_PERMISSIONS if not re.fullmatch(r"[a-z_]+:(read|write)|public|session|person", name)
    ] == []
    assert {name for name in API_KEY_SCOPES if not re.fullmatch(r"[a-z_]+:(read|write)", name)} == set()
    assert {
        "api_keys:write",
        "members:write",
        "grant_approvals:write",
        "settlement_approvals:write",
        "bank_accounts:write",
        "fee_approvals:write",
        "provider:write",
    } & API_KEY_SCOPES == set()


def test_every_role_of_the_vocabulary_has_permissions() -> None:
    assert set(ROLE_PERMISSIONS) == set(get_args(OrganisationRole))


def test_company_roles_reach_nothing_about_care() -> None:
    for role in ("hr", "hr_approver", "payroll"):
        nouns = {permission.partition(":")[0] for permission in ROLE_PERMISSIONS[role]}
        assert nouns & {"bookings", "catalogue", "settlements", "alliance", "provider"} == set(), role


def test_making_and_approving_need_two_persons() -> None:
    """A role may hold both permissions; the database refuses one person doing both (tests/test_schema.py: CHECKs)."""
    guards = {name for kind in product_errors() if kind.code == "approver_is_maker" for name in kind.constraints}
    assert guards == {
        "accreditation_approver_is_apart",
        "accreditation_approver_is_not_requester",
        "bank_account_approver_is_apart",
        "bank_account_approver_is_not_creator",
        "bank_account_approver_is_not_requester",
        "credit_grant_approver_is_not_maker",
        "fee_rule_approver_is_not_maker",
        "grant_revocation_approver_is_not_asker",
        "role_grant_vouched_by_another",
        "role_grant_voucher_is_apart",
        "setting_value_confirmed_by_another",
        "settlement_run_approver_is_not_maker",
        "top_up_second_is_another",
    }


# Docs


def test_the_pages_name_what_is_there() -> None:
    """Decisions are left out: they tell what was so on their day."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {
        (page.name, path)
        for page in pages
        for path in re.findall(r"`((?:app|docs|migrations|tests)/[\w./-]*)`", page.read_text())
    }
    assert len(named) > 30
    assert [(page, path) for page, path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_pages_name_tests_that_there_are() -> None:
    """What docs/asvs.md and the others call proven has a test of that name."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    named = {pair for page in pages for pair in re.findall(r"`(tests/[\w./-]+\.py)::(\w+)`", page.read_text())}
    assert len(named) > 100
    sources = {path: (ROOT / path).read_text() if (ROOT / path).exists() else "" for path, _ in named}
    assert [pair for pair in sorted(named) if f"def {pair[1]}(" not in sources[pair[0]]] == []


def test_requirements_are_counted_as_they_stand() -> None:
    states = ("met", "met, installation", "n.a.", "not met")
    state = "|".join(sorted(map(re.escape, states), reverse=True))
    row = re.compile(rf"^\| (\d+)\.(\d+)\.(\d+) \| [^|]+ \| ({state})(?=[ :])")
    matches = [row.match(line) for line in (ROOT / "docs" / "asvs.md").read_text().splitlines()]
    found = [match.groups() for match in matches if match is not None]
    assert len({numbers[:3] for numbers in found}) == len(found) == 253
    counts = re.compile(r"^\| V(\d+) [^|]+ \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
    stated = counts.findall((ROOT / "docs" / "security.md").read_text())
    for chapter, *numbers in stated:
        of_chapter = [one[3] for one in found if one[0] == chapter]
        assert [int(number) for number in numbers] == [of_chapter.count(each) for each in states], chapter
    assert [int(chapter) for chapter, *_ in stated] == list(range(1, 18))


def test_every_sealed_purpose_is_in_the_inventory() -> None:
    inventory = (ROOT / "docs" / "security.md").read_text().partition("## Keys and algorithms")[2]
    listed = re.search(r"^\| sealed columns: ([^|]+) \|", inventory, re.MULTILINE)
    assert listed is not None
    assert sorted(re.findall(r"`(\w+)`", listed[1])) == sorted({column.purpose for column in api.SEALED})


def test_the_route_that_contributing_shows_is_one_of_the_product() -> None:
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(shown) == 1
    assert shown[0] in (ROOT / "app" / "catalogue" / "endpoints.py").read_text()


def product_errors() -> list[type[AppError]]:
    return [kind for kind in error_classes() if kind.__module__.startswith("app.")]


def documented_errors() -> dict[str, tuple[str, str]]:
    lines = re.findall(
        r"^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE
    )
    assert len(lines) == len({code for code, _, _ in lines})
    return {code: (status, meaning) for code, status, meaning in lines}


def test_error_codes_are_stable_words_of_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for kind in product_errors():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code), kind
        assert kind.message().endswith("."), kind
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_every_error_code_is_documented_and_nothing_else() -> None:
    messages: dict[tuple[str, int], set[str]] = {}
    for kind in product_errors():
        messages.setdefault((kind.code, kind.status), set()).add(kind.message())
    expected = {code: (str(status), " ".join(sorted(found))) for (code, status), found in messages.items()}
    documented = documented_errors()
    assert sorted(documented) == sorted(expected)
    assert documented == expected


def test_openapi_is_the_published_one(openapi: dict[str, Any]) -> None:
    """Refresh: `beatrice openapi > docs/openapi.json`, then read the difference: /v1 changes only by addition."""
    published = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert sorted(published["paths"]) == sorted(openapi["paths"])
    for path, item in openapi["paths"].items():
        assert published["paths"][path] == item, path
    assert published == json.loads(json.dumps(openapi))
