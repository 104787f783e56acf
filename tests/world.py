"""A small world for tests, written straight into the tables: parties, logins, employments."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app import clock, ids, sealing
from app.db import Database

FAR = datetime(2100, 1, 1, tzinfo=UTC)
START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Party:
    """An organisation with one login per role."""

    id: UUID
    name: str
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)
    account_id: UUID | None = None

    @property
    def public_id(self) -> str:
        return ids.encode("org", self.id)


@dataclass(frozen=True)
class Person:
    """An employee with a login and a `self` beneficiary."""

    user_id: UUID
    employee_id: UUID
    beneficiary_id: UUID
    company_id: UUID
    headers: dict[str, str]


class World:
    """Makes parties and people; every method commits (a savepoint in rolled-back tests)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._count = 0

    async def execute(self, sql: str, **values: Any) -> list[Any]:
        async with self.database.begin() as session:
            result = await session.execute(text(sql), values)
            return list(result.all()) if result.returns_rows else []

    async def scalar(self, sql: str, **values: Any) -> Any:
        return (await self.execute(sql, **values))[0][0]

    async def set_now(self, instant: datetime) -> None:
        """Let business time start at an instant, as the sandbox's clock would."""
        await self.execute("UPDATE clock_offset SET offset_interval = :offset", offset=instant - clock.real())

    async def login(self, email: str, password_hash: str = "!") -> tuple[UUID, dict[str, str]]:
        user_id = ids.new_id()
        token = "bea_ses_" + secrets.token_urlsafe(32)
        await self.execute(
            "INSERT INTO user_account (id, email, password_hash, created_at) VALUES (:id, :email, :hash, :at)",
            id=user_id,
            email=email,
            hash=password_hash,
            at=START,
        )
        await self.execute(
            "INSERT INTO session_token (token_hash, user_id, created_at, expires_at) VALUES (:hash, :user, :at, :end)",
            hash=hashlib.sha256(token.encode()).digest(),
            user=user_id,
            at=START,
            end=FAR,
        )
        return user_id, {"Authorization": f"Bearer {token}"}

    async def membership(self, user_id: UUID, organisation_id: UUID, role: str) -> None:
        await self.execute(
            "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_at)"
            " VALUES (:id, :user, :role, 'organisation', :organisation, :at, :at)",
            id=ids.new_id(),
            user=user_id,
            organisation=organisation_id,
            role=role,
            at=START,
        )

    async def api_key(self, party: Party, scopes: list[str]) -> dict[str, str]:
        maker = next(iter(party.users.values()))
        token = "bea_test_" + secrets.token_urlsafe(32)
        await self.execute(
            "INSERT INTO api_key (id, organisation_id, name, token_hash, hint, scopes, created_by, created_at,"
            " expires_at) VALUES (:id, :organisation, 'test', :hash, 'bea_test_', :scopes, :user, :at, :end)",
            id=ids.new_id(),
            organisation=party.id,
            hash=hashlib.sha256(token.encode()).digest(),
            scopes=scopes,
            user=maker,
            at=clock.real(),
            end=clock.real() + timedelta(days=365),
        )
        return {"Authorization": f"Bearer {token}"}

    async def organisation(
        self, kinds: list[str], roles: tuple[str, ...] = (), name: str | None = None, **columns: Any
    ) -> Party:
        number = self._next()
        party = Party(ids.new_id(), name or f"Organisation {number}")
        values = {
            "tax_code": f"{number:011d}",
            "iban": "IT60X0542811101000000123456",
            "street": "Via Roma",
            "street_number": "1",
            "postcode": "24021",
            "town": "Albino",
            **columns,
        }
        await self.execute(
            "INSERT INTO organisation"
            " (id, name, kinds, tax_code, iban, street, street_number, postcode, town, created_at)"
            " VALUES (:id, :name, :kinds, :tax_code, :iban, :street, :street_number, :postcode, :town, :at)",
            id=party.id,
            name=party.name,
            kinds=kinds,
            at=START,
            **values,
        )
        for role in roles:
            user_id, headers = await self.login(f"{role}{number}@example.test")
            await self.membership(user_id, party.id, role)
            party.users[role] = user_id
            party.headers[role] = headers
        return party

    async def account(self, kind: str, owner_id: UUID | None) -> UUID:
        account_id = ids.new_id()
        await self.execute(
            "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, :kind, :owner, :at)",
            id=account_id,
            kind=kind,
            owner=owner_id,
            at=START,
        )
        return account_id

    async def operator(self) -> Party:
        """The operator, and the ledger accounts that exist once."""
        for kind in ("bank_clearing_company", "platform_fees", "vat_payable", "suspense"):
            if not await self.execute("SELECT 1 FROM ledger.account WHERE kind = :kind", kind=kind):
                await self.account(kind, None)
        return await self.organisation(["operator"], ("operator", "finance"), name="Beatrice operator")

    async def company(
        self, name: str | None = None, reading: str = "strict", extra_kinds: tuple[str, ...] = ()
    ) -> Party:
        party = await self.organisation(["company", *extra_kinds], ("hr", "hr_approver", "payroll"), name)
        account_id = await self.account("company_account", party.id)
        await self.execute(
            "INSERT INTO company (organisation_id, account_id, relatives_reading) VALUES (:id, :account, :reading)",
            id=party.id,
            account=account_id,
            reading=reading,
        )
        return Party(party.id, party.name, party.headers, party.users, account_id)

    async def provider(self, name: str | None = None) -> Party:
        party = await self.organisation(["provider"], ("manager", "staff"), name)
        accounts = {
            kind: await self.account(f"provider_{kind}", party.id)
            for kind in ("earned", "payable", "in_transit", "recoverable")
        }
        await self.execute(
            "INSERT INTO provider (organisation_id, phone, earned_account_id, payable_account_id,"
            " in_transit_account_id, recoverable_account_id)"
            " VALUES (:id, '+39035000000', :earned, :payable, :in_transit, :recoverable)",
            id=party.id,
            **accounts,
        )
        return party

    async def employee(
        self, company: Party, *, category: str = "operai", hired_on: date = date(2020, 1, 1), istat_code: str = "016004"
    ) -> Person:
        number = self._next()
        user_id, headers = await self.login(f"employee{number}@example.test")
        code = f"TEST{number}"
        employee_id = ids.new_id()
        await self.execute(
            "INSERT INTO employee (id, company_id, user_id, given_name, family_name, sealed_fiscal_code,"
            " fiscal_code_index, category, hired_on, created_at) VALUES (:id, :company, :user, 'Anna', :family,"
            " :sealed, :index, :category, :hired_on, :at)",
            id=employee_id,
            company=company.id,
            user=user_id,
            family=f"Esempio{number}",
            sealed=sealing.encrypt("fiscal_code", code.encode(), employee_id.bytes),
            index=sealing.keyed_hash("fiscal_code", code.encode()),
            category=category,
            hired_on=hired_on,
            at=START,
        )
        beneficiary_id = await self.beneficiary(user_id, "self", date(1985, 5, 1), istat_code=istat_code)
        return Person(user_id, employee_id, beneficiary_id, company.id, headers)

    async def beneficiary(
        self,
        user_id: UUID,
        relation: str,
        birth_date: date,
        *,
        istat_code: str | None = "016004",
        cohabitation: str = "[]",
    ) -> UUID:
        beneficiary_id = ids.new_id()
        await self.execute(
            "INSERT INTO care.beneficiary (id, user_id, relation, given_name, family_name, birth_date, phone, street,"
            " postcode, istat_code, cohabitation, created_at) VALUES (:id, :user, :relation, 'Maria', 'Esempio',"
            " :birth_date, '+39035111111', 'Via Mazzini 2', '24021', :istat_code, CAST(:cohabitation AS jsonb), :at)",
            id=beneficiary_id,
            user=user_id,
            relation=relation,
            birth_date=birth_date,
            istat_code=istat_code,
            cohabitation=cohabitation,
            at=START,
        )
        return beneficiary_id

    async def fund(self, company: Party, amount_cents: int) -> None:
        """Money on the company's account, as a confirmed top-up would put it there."""
        bank = await self.scalar("SELECT id FROM ledger.account WHERE kind = 'bank_clearing_company'")
        await self.execute(
            "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at,"
            " created_at) VALUES (:id, :bank, :account, :amount, 'top_up', :at, :at)",
            id=ids.new_id(),
            bank=bank,
            account=company.account_id,
            amount=amount_cents,
            at=clock.now(),
        )

    async def lot(
        self,
        company: Party,
        person: Person,
        amount_cents: int,
        expires_on: date,
        *,
        rule_codes: tuple[str, ...] = ("C2_F_TER", "C2_F", "C2_F_BIS"),
        fee_funding: str = "out_of_pocket",
        reading: str = "strict",
        leavers_rule: str = "keep_until_expiry",
        expired_credit_to: str = "company",
    ) -> UUID:
        """A funded, active lot, by the statements that a grant makes."""
        await self.fund(company, amount_cents)
        programme_id, grant_id, lot_id = ids.new_id(), ids.new_id(), ids.new_id()
        at = clock.now()
        async with self.database.begin() as session:

            async def run(sql: str, **values: Any) -> None:
                await session.execute(text(sql), values)

            await run(
                "INSERT INTO credit_source (id, kind, programme_source, name, rule_codes, validity_basis,"
                " expired_credit_to, leavers_rule, fee_funding, relatives_reading, funded_by_account_id,"
                " returns_to_account_id, created_at) VALUES (:id, 'programme', 'on_top', 'Piano', :rules,"
                " 'service_date', :to, :leavers, :fee, :reading, :account, :account, :at)",
                id=programme_id,
                rules=list(rule_codes),
                to=expired_credit_to,
                leavers=leavers_rule,
                fee=fee_funding,
                reading=reading,
                account=company.account_id,
                at=at,
            )
            await run(
                "INSERT INTO programme (id, company_id, employee_category, lot_expires_on, created_at)"
                " VALUES (:id, :company, 'operai', :expires, :at)",
                id=programme_id,
                company=company.id,
                expires=expires_on,
                at=at,
            )
            await run(
                "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by,"
                " created_at) VALUES (:id, :company, :programme, :amount, 1, :maker, :at)",
                id=grant_id,
                company=company.id,
                programme=programme_id,
                amount=amount_cents,
                maker=company.users["hr"],
                at=at,
            )
            await run(
                "INSERT INTO grant_line (lot_id, grant_id, company_id, employee_id, amount_cents)"
                " VALUES (:lot, :id, :company, :employee, :amount)",
                lot=lot_id,
                id=grant_id,
                company=company.id,
                employee=person.employee_id,
                amount=amount_cents,
            )
            await run(
                "UPDATE credit_grant SET status = 'active', approved_by = :approver, approved_at = :at,"
                " activated_at = :at WHERE id = :id",
                id=grant_id,
                approver=company.users["hr_approver"],
                at=at,
            )
            await run(
                "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)",
                id=lot_id,
                at=at,
            )
            await run(
                "INSERT INTO lot (id, company_id, employee_id, source_id, grant_id, kind, amount_cents, valid_from,"
                " expires_on, created_at) VALUES (:id, :company, :employee, :programme, :grant, 'grant', :amount,"
                " :from_day, :expires, :at)",
                id=lot_id,
                company=company.id,
                employee=person.employee_id,
                programme=programme_id,
                grant=grant_id,
                amount=amount_cents,
                from_day=clock.today(),
                expires=expires_on,
                at=at,
            )
            await run(
                "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at,"
                " created_at) VALUES (:id, :company, :lot, :amount, 'granted', :at, :at)",
                id=ids.new_id(),
                company=company.account_id,
                lot=lot_id,
                amount=amount_cents,
                at=at,
            )
        return lot_id

    async def offering(
        self,
        provider: Party,
        *,
        category: str = "home_help",
        mode: str = "home_visit",
        unit: str = "visit",
        price_cents: int = 22_50,
        confirmation: str = "provider",
        response_hours: int = 48,
        vat_code: str = "vat_5",
        service_area: tuple[str, ...] = ("016004",),
        min_age: int | None = None,
        max_age: int | None = None,
    ) -> UUID:
        offering_id = ids.new_id()
        await self.execute(
            "INSERT INTO offering (id, provider_id, name, description, category, mode, unit, vat_code, min_age,"
            " max_age, confirmation, response_hours, min_notice_hours, free_until_hours, late_fee_bps,"
            " no_show_fee_bps, created_at) VALUES (:id, :provider, 'Assistenza domiciliare', 'Cura a casa', :category,"
            " :mode, :unit, :vat_code, :min_age, :max_age, :confirmation, :response_hours, 0, 24, 5000, 10000, :at)",
            id=offering_id,
            provider=provider.id,
            category=category,
            mode=mode,
            unit=unit,
            vat_code=vat_code,
            min_age=min_age,
            max_age=max_age,
            confirmation=confirmation,
            response_hours=response_hours,
            at=START,
        )
        await self.execute(
            "INSERT INTO price (id, offering_id, price_cents, valid_from, created_at)"
            " VALUES (:id, :offering, :price, '2020-01-01', :at)",
            id=ids.new_id(),
            offering=offering_id,
            price=price_cents,
            at=START,
        )
        for istat_code in service_area:
            await self.execute(
                "INSERT INTO offering_area (offering_id, istat_code) VALUES (:offering, :code)",
                offering=offering_id,
                code=istat_code,
            )
        return offering_id

    async def slot(self, provider: Party, offering_id: UUID, starts_at: datetime, *, capacity: int = 1) -> UUID:
        """A one-hour slot."""
        slot_id = ids.new_id()
        await self.execute(
            "INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at)"
            " VALUES (:id, :provider, :offering, :starts, :ends, :capacity, :at)",
            id=slot_id,
            provider=provider.id,
            offering=offering_id,
            starts=starts_at,
            ends=starts_at + timedelta(hours=1),
            capacity=capacity,
            at=START,
        )
        return slot_id

    async def take_seats(self, slot_id: UUID, seats: int = 1) -> UUID:
        """Let somebody have seats of a slot; return the holder, an allotment."""
        holder = ids.new_id()
        refused = await self.scalar(
            "SELECT take_seats(ARRAY[CAST(:id AS uuid)], 'allotment', ARRAY[CAST(:holder AS uuid)],"
            " ARRAY[CAST(:slot AS uuid)], ARRAY[CAST(:seats AS integer)], :at, NULL, :at)",
            id=ids.new_id(),
            holder=holder,
            slot=slot_id,
            seats=seats,
            at=START,
        )
        assert refused is None
        return holder

    async def balances(self, lot_id: UUID) -> tuple[int, int]:
        """(available, held) of a lot's account."""
        row = (
            await self.execute(
                "SELECT posted_cents - held_cents, held_cents FROM ledger.account WHERE id = :id", id=lot_id
            )
        )[0]
        return row[0], row[1]

    def _next(self) -> int:
        self._count += 1
        return self._count
