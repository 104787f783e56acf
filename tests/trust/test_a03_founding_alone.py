"""A3: whoever operates founds no alliance alone: the mailboxes that she brings into its lead accredit nobody."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stdnum import luhn

from app import ids
from tests.people import join
from tests.world import Party, World

APPROVED = "SELECT count(*) FROM accreditation WHERE status = 'approved'"
VOUCH = "UPDATE role_grant SET vouched_by = :by, vouched_at = granted_at WHERE id = :id"


class Founder:
    """The operator with mailboxes of her own: an invented provider, an invented alliance, an invented coordinator."""

    def __init__(self, client: httpx.AsyncClient, world: World, operator: Party) -> None:
        self.client, self.world = client, world
        self.headers, self.finance = operator.headers["operator"], operator.headers["finance"]
        self.operator = operator
        self.alliance = self.lead = self.provider = ""
        self.coordinator: dict[str, str] = {}
        self.ghost: dict[str, str] = {}
        self.entered = 0

    async def post(self, path: str, headers: dict[str, str], body: Any = None, status: int = 201) -> Any:
        answer = await self.client.post(f"/v1{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def enter(self, kind: str) -> str:
        self.entered += 1
        stem = f"0999{self.entered:03d}016"
        body = {"name": f"Finta {kind}", "kinds": [kind], "tax_code": stem + luhn.calc_check_digit(stem)}
        return str((await self.post("/operator/organisations", self.headers, body))["id"])

    async def bring_in(self, organisation: str, email: str, *roles: str) -> dict[str, str]:
        path = f"/operator/organisations/{organisation}/members"
        await self.post(path, self.headers, {"email": email, "roles": list(roles)})
        return await join(self.client, self.world, email)

    async def invite(self, organisation: str, by: dict[str, str], email: str, *roles: str) -> dict[str, str]:
        path = f"/organisations/{organisation}/members"
        await self.post(path, by, {"email": email, "roles": list(roles)})
        return await join(self.client, self.world, email)

    async def found(self, lead: str) -> str:
        network = await self.post("/operator/networks", self.headers, {"name": f"ATS {lead}"})
        body = {
            "network_id": network["id"], "name": f"Alleanza {lead}", "lead_organisation_id": lead,
            "municipalities": ["016004"],
        }  # fmt: skip
        return str((await self.post("/operator/alliances", self.headers, body))["id"])

    async def open(self) -> None:
        self.provider, self.lead = await self.enter("provider"), await self.enter("municipality")
        self.alliance = await self.found(self.lead)
        self.ghost = await self.bring_in(self.provider, "ghost@evil.example", "admin", "manager")
        self.coordinator = await self.bring_in(self.lead, "coordinator@evil.example", "admin", "coordinator")

    async def request(self, alliance: str = "", coordinator: dict[str, str] | None = None) -> str:
        alliance, coordinator = alliance or self.alliance, coordinator or self.coordinator
        body = {"organisation_id": self.provider, "role": "provider"}
        await self.post(f"/alliances/{alliance}/memberships", coordinator, body)
        path = f"/providers/{self.provider}/accreditations"
        return str((await self.post(path, self.ghost, {"alliance_id": alliance}))["id"])

    async def approve(self, request: str, status: int, by: dict[str, str] | None = None, alliance: str = "") -> Any:
        path = f"/alliances/{alliance or self.alliance}/accreditations/{request}/approve"
        return await self.post(path, by or self.coordinator, status=status)

    async def refused(self, request: str, by: dict[str, str] | None = None, alliance: str = "") -> None:
        assert (await self.approve(request, 403, by, alliance))["code"] == "approver_not_vouched"
        assert await self.world.scalar(APPROVED) == 0

    async def waiting(self) -> list[tuple[str, str]]:
        listed = (await self.client.get("/v1/operator/first_people", headers=self.finance)).json()["data"]
        return [(row["email"], row["role"]) for row in listed]

    async def grant(self, email: str, role: str) -> Any:
        sql = (
            "SELECT g.id FROM role_grant g JOIN user_account u ON u.id = g.user_id"
            " WHERE u.email = :email AND g.role = :role"
        )
        return await self.world.scalar(sql, email=email, role=role)

    async def vouch(self, email: str, role: str, by: dict[str, str], status: int = 200) -> Any:
        membership = ids.encode("mem", await self.grant(email, role))
        return await self.post(f"/operator/first_people/{membership}/vouch", by, status=status)


@pytest.fixture
async def founder(client: httpx.AsyncClient, world: World) -> Founder:
    made = Founder(client, world, await world.operator())
    await made.open()
    return made


async def test_her_own_mailboxes_accredit_nobody(founder: Founder) -> None:
    request = await founder.request()
    await founder.refused(request)
    second = await founder.invite(founder.lead, founder.coordinator, "second@evil.example", "coordinator")
    await founder.refused(request, second)
    assert (await founder.vouch("coordinator@evil.example", "coordinator", founder.headers, 403))[
        "code"
    ] == "approver_is_maker"
    assert sorted(await founder.waiting()) == [
        ("coordinator@evil.example", "admin"),
        ("coordinator@evil.example", "coordinator"),
        ("second@evil.example", "coordinator"),
    ]


async def test_what_finance_vouched_for_counts_and_so_do_its_guests(founder: Founder) -> None:
    request = await founder.request()
    second = await founder.invite(founder.lead, founder.coordinator, "second@lead.example", "coordinator")
    vouched = await founder.vouch("coordinator@evil.example", "admin", founder.finance)
    assert (vouched["email"], vouched["role"], vouched["stands"]) == ("coordinator@evil.example", "admin", True)
    assert await founder.waiting() == [("coordinator@evil.example", "coordinator")]
    await founder.refused(request)
    assert (await founder.approve(request, 200, second))["status"] == "approved"
    again = await founder.vouch("coordinator@evil.example", "admin", founder.finance, 409)
    assert again["state"] == "vouched"
    trail = "SELECT count(*) FROM audit_entry WHERE action = 'member.vouch'"
    assert await founder.world.scalar(trail) == 1


async def test_finance_of_her_own_making_is_no_second_person(founder: Founder) -> None:
    """An operator who administers too makes finance of a mailbox: whoever stands behind both vouches for neither."""
    operator = founder.operator
    await founder.world.membership(operator.users["operator"], operator.id, "admin")
    sock = await founder.invite(operator.public_id, founder.headers, "finance@evil.example", "finance")
    refused = await founder.vouch("coordinator@evil.example", "coordinator", sock, 403)
    assert refused["code"] == "approver_is_maker"
    await founder.invite(founder.lead, founder.coordinator, "second@evil.example", "coordinator")
    assert (await founder.vouch("second@evil.example", "coordinator", sock, 403))["code"] == "approver_is_maker"
    assert await founder.world.scalar("SELECT count(*) FROM role_grant WHERE vouched_by IS NOT NULL") == 0
    await founder.refused(await founder.request())


async def test_an_alliance_that_the_operator_leads_needs_finance_too(founder: Founder) -> None:
    operator = founder.operator
    await founder.world.membership(operator.users["operator"], operator.id, "admin")
    alliance = await founder.found(operator.public_id)
    own = await founder.invite(operator.public_id, founder.headers, "own@evil.example", "coordinator")
    request = await founder.request(alliance, own)
    await founder.refused(request, own, alliance)
    await founder.vouch("own@evil.example", "coordinator", founder.finance)
    # She still entered the provider: nobody to whom she gave a role accredits it, unless finance answers for the role.
    assert (await founder.approve(request, 200, own, alliance))["status"] == "approved"


async def test_whoever_asked_gives_nobody_the_role_that_decides(founder: Founder, world: World) -> None:
    """A lead that is a provider too: its administrator asks, and makes a coordinator of a second mailbox."""
    both = await world.organisation(["provider", "municipality"], ("admin", "manager"))
    await world.membership(both.users["admin"], both.id, "manager")
    alliance = await founder.found(both.public_id)
    second = await founder.invite(both.public_id, both.headers["admin"], "second@evil.example", "coordinator")
    founder.provider, founder.ghost = both.public_id, both.headers["admin"]
    request = await founder.request(alliance, second)
    await founder.refused(request, second, alliance)
    refuse = f"/alliances/{alliance}/accreditations/{request}/refuse"
    await founder.post(refuse, second, status=200)
    path = f"/providers/{both.public_id}/accreditations"
    other = await founder.post(path, both.headers["manager"], {"alliance_id": alliance})
    assert (await founder.approve(other["id"], 200, second, alliance))["status"] == "approved"


async def test_whoever_brought_somebody_in_approves_no_account_of_hers(founder: Founder, world: World) -> None:
    """A provider that a colleague entered and nobody administers yet: its first manager is her own mailbox."""
    provider = await world.organisation(["provider"], name="Cooperativa nuova")
    first = await founder.bring_in(provider.public_id, "first@evil.example", "manager")
    second = await founder.invite(provider.public_id, first, "manager@evil.example", "manager")
    iban = {"iban": "DE89370400440532013000"}
    asked = await founder.post(f"/providers/{provider.public_id}/bank_account", second, iban)
    path = f"/operator/bank_accounts/{asked['id']}/approve"
    assert (await founder.post(path, founder.headers, status=403))["code"] == "approver_is_maker"
    approved = "UPDATE bank_account SET status = 'approved', decided_by = :by, decided_at = requested_at WHERE id = :id"
    values = {"id": ids.decode("bac", asked["id"]), "by": founder.operator.users["operator"]}
    await _guarded(world, approved, "bank_account_approver_is_apart", **values)
    assert (await founder.post(path, founder.finance, status=200))["status"] == "approved"


async def _guarded(world: World, sql: str, guard: str, **values: Any) -> None:
    with pytest.raises(DBAPIError) as refusal:
        await world.execute(sql, **values)
    assert getattr(refusal.value.orig, "diag").constraint_name == guard  # noqa: B009 - not every error has one


async def test_the_database_refuses_too(founder: Founder, world: World) -> None:
    accreditation = ids.decode("acr", await founder.request())
    admission = await world.scalar("SELECT id FROM alliance_membership WHERE role = 'provider'")
    approval = (
        "UPDATE accreditation SET status = 'approved', membership_id = :admission, decided_by = :by,"
        " decided_at = requested_at WHERE id = :id"
    )
    grant = await founder.grant("coordinator@evil.example", "coordinator")
    user = await world.scalar("SELECT user_id FROM role_grant WHERE id = :id", id=grant)
    for by in (user, ids.new_id()):
        values = {"id": accreditation, "admission": admission, "by": by}
        await _guarded(world, approval, "accreditation_approver_stands", **values)
    operator, finance = (founder.operator.users[role] for role in ("operator", "finance"))
    ghost = await world.scalar("SELECT user_id FROM role_grant WHERE role = 'manager'")
    for by in (user, operator, ghost):
        await _guarded(world, VOUCH, "role_grant_voucher_is_apart", id=grant, by=by)
    inserted = (
        "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_by, granted_at{})"
        " SELECT :new, :by, 'coordinator', scope_kind, scope_id, from_at, granted_by, granted_at{}"
        " FROM role_grant WHERE id = :id"
    )
    new = {"id": grant, "by": finance, "new": ids.new_id()}
    vouched = inserted.format(", vouched_by, vouched_at", ", :by, granted_at")
    await _guarded(world, vouched, "role_grant_voucher_is_apart", **new)
    await world.execute(inserted.format("", ""), **new)
    await _guarded(world, VOUCH, "role_grant_vouched_by_another", id=new["new"], by=finance)
    async with world.work() as session:
        await session.execute(text(VOUCH), {"id": grant, "by": finance})
    await _guarded(world, VOUCH, "role_grant_voucher_is_apart", id=grant, by=finance)
