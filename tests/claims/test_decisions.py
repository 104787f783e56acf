"""What is decided of claims without a database: documents told apart, shares of lots, the hash of a payment."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from app.claims.decisions import Asked, Payee, Share, content_sha256, identity, payers, shares
from app.credit.queries import UsableLot
from app.rules.beneficiary import BeneficiaryFacts, Period
from app.rules.book import book_in_force
from app.rules.rows import RuleCode

DAY, TODAY = date(2026, 11, 20), date(2026, 11, 23)
MOTHER = BeneficiaryFacts("parent", date(1946, 3, 1), cohabitation=(Period(date(2020, 1, 1)),))
CARE = Asked("home_help", MOTHER, DAY, refuse_unsigned=False)


@pytest.mark.parametrize(
    ("code", "number", "same"),
    [
        ("01234567897", "FT 12/2026", True),
        ("01234567897", "ft12-2026", True),
        (" 01234567897 ", "(FT12/2026)", True),
        ("01234567897", "FT 1/22026", False),
        ("01234567890", "FT 12/2026", False),
    ],
)
def test_a_document_is_the_same_however_it_is_written(code: str, number: str, *, same: bool) -> None:
    assert (identity(code, number, DAY) == identity("01234567897", "FT 12/2026", DAY)) is same
    assert identity(code, number, TODAY) != identity(code, number, DAY)


def lot(number: int, cents: int, expires_on: date, *codes: RuleCode) -> UsableLot:
    return UsableLot(
        id=UUID(int=number),
        available_cents=cents,
        valid_from=date(2026, 1, 1),
        expires_on=expires_on,
        company_id=UUID(int=100),
        employee_id=UUID(int=101),
        rule_codes=list(codes),
        categories=None,
        validity_basis="service_date",
        relatives_reading="strict",
        fee_funding="out_of_pocket",
        kind="grant",
    )


MAY = lot(1, 300_00, date(2027, 5, 31), "C2_F_TER", "C2_F")
YEAR = lot(2, 30_00, date(2026, 12, 31), "C2_F_TER", "C2_F")
NARROW = lot(3, 5_00, date(2026, 12, 31), "C2_F_TER")


def test_lots_pay_first_to_expire_first_and_the_most_restricted_of_those() -> None:
    able, decision = payers(CARE, [MAY, YEAR, NARROW], book_in_force(), TODAY, "strict")
    assert ([payer.lot_id.int for payer in able], decision.rule_code) == ([3, 2, 1], "C2_F_TER")
    taken = [(share.lot_id.int, share.amount_cents) for share in shares(able, 40_00) or ()]
    assert taken == [(3, 5_00), (2, 30_00), (1, 5_00)]
    assert shares(able, 335_00) is not None
    assert shares(able, 335_01) is None
    assert shares(able, 5_00) == [Share(NARROW.id, "C2_F_TER", 5_00)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rule_codes": ["C2_F"]}, "rule_not_in_programme"),
        ({"rule_codes": ["C2_D_BIS"]}, "rule_not_in_programme"),
        ({"valid_from": TODAY}, "allowed"),
        ({"categories": ["nursery"]}, "allowed"),
        ({"expires_on": date(2026, 11, 19)}, "allowed"),
    ],
)
def test_a_lot_that_may_not_pay_is_left_out(changed: dict[str, object], code: str) -> None:
    """Where the law allows it and no lot can, credit is what lacks: the decision says yes."""
    able, decision = payers(CARE, [replace(MAY, **changed)], book_in_force(), TODAY, "strict")  # type: ignore[arg-type]
    assert (able, decision.code) == ([], code)


def test_credit_by_day_of_booking_pays_what_was_before() -> None:
    later = replace(MAY, valid_from=TODAY, validity_basis="booking_date")
    able, _ = payers(CARE, [later], book_in_force(), TODAY, "strict")
    assert [payer.lot_id for payer in able] == [later.id]


def test_the_hash_is_of_names_accounts_and_sums_in_any_order() -> None:
    one = Payee(UUID(int=1), "Anna", "IT60X0542811101000000123456", 40_00)
    two = Payee(UUID(int=2), "Bice", "IT60X0542811101000000123456", 1)
    assert content_sha256([one, two]) == content_sha256([two, one])
    others = [replace(one, name="Anne"), replace(one, iban="IT0"), replace(one, amount_cents=40_01)]
    assert len({content_sha256([each, two]) for each in (one, *others)}) == 4
