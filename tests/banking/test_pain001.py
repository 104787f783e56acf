"""Payment files: valid against the schema, reproducible, exact, and refused whole when anything is wrong."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.banking.iban import IbanError
from app.banking.pain001 import (
    NAMESPACE,
    Address,
    Payment,
    PaymentFile,
    PaymentFileError,
    content_sha256,
    control_sum_cents,
    write,
)
from app.banking.sepa_text import is_identifier, to_sepa

ADDRESS = Address("Via Mazzini", "5/A", "24021", "Albino")
FIRST = Payment("2026-1-1", "Cooperativa Perché no", "IT60X0542811101000000123456", 15_750, "Liquidazione 1", ADDRESS)
SECOND = Payment("2026-1-2", "Società N° 2", "SM86U0322509800000000270100", 1, "Liquidazione 2", ADDRESS)
FILE = PaymentFile(
    message_id="PAYOUT-2026-12-1",
    created_at=datetime(2026, 12, 1, 8, tzinfo=UTC),
    debtor_name="Gestore di prova",
    debtor_iban="it60 x054 2811 1010 0000 0123 456",
    requested_execution_on=date(2026, 12, 2),
    payments=(FIRST, SECOND),
)
SEPA_CHARACTERS = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    spec = find_spec("sepaxml")
    assert spec is not None
    assert spec.origin is not None
    return etree.XMLSchema(etree.parse(Path(spec.origin).parent / "schemas" / "pain.001.001.09.xsd"))


def _texts(content: bytes, path: str) -> list[str]:
    steps = "/".join(f"{{{NAMESPACE}}}{tag}" for tag in path.split("/"))
    return [element.text or "" for element in etree.fromstring(content).iterfind(f".//{steps}")]


def test_valid_against_the_schema(schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(write(FILE)))


def test_the_schema_would_notice(schema: etree.XMLSchema) -> None:
    assert schema.validate(etree.fromstring(write(FILE).replace(b"<ChrgBr>SLEV", b"<ChrgBr>SLEW"))) is False


def test_whole_file_as_bytes() -> None:
    expected = (Path(__file__).parent / "pain001_expected.xml").read_bytes()
    assert write(FILE) == expected


def test_made_again_it_is_the_same_file() -> None:
    again = PaymentFile(
        message_id="PAYOUT-2026-12-1",
        created_at=datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1))),
        debtor_name="Gestore di prova",
        debtor_iban="IT60X0542811101000000123456",
        requested_execution_on=date(2026, 12, 2),
        payments=[FIRST, SECOND],
    )
    assert write(again) == write(FILE)
    other = write(replace(FILE, payments=(SECOND, FIRST)))
    assert content_sha256(other) != content_sha256(write(FILE))


def test_hash_is_sha256() -> None:
    assert content_sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_control_sum_and_count_are_exact() -> None:
    largest = replace(FIRST, amount_cents=99_999_999_999)
    content = write(replace(FILE, payments=(largest, SECOND)))
    assert _texts(content, "CtrlSum") == ["1000000000.00", "1000000000.00"]
    assert _texts(content, "NbOfTxs") == ["2", "2"]
    assert _texts(content, "InstdAmt") == ["999999999.99", "0.01"]
    assert control_sum_cents((largest, SECOND)) == 100_000_000_000


def test_text_is_transliterated_and_cut(schema: etree.XMLSchema) -> None:
    payment = replace(
        FIRST,
        creditor_name="à" * 80,
        remittance="Fattura n° 7 & co_\N{EURO SIGN} " + "x" * 200,
        address=Address("Straße " + "y" * 80, "12" * 10, "24021" * 4, "Sèn Jan " + "z" * 40),
    )
    content = write(replace(FILE, payments=(payment,)))
    schema.assertValid(etree.fromstring(content))
    assert _texts(content, "Cdtr/Nm") == ["a" * 70]
    assert _texts(content, "RmtInf/Ustrd") == ["Fattura n. 7 + co-EUR " + "x" * 118]
    assert _texts(content, "StrtNm") == ["Strasse " + "y" * 62]
    assert _texts(content, "BldgNb") == ["1212121212121212"]
    assert _texts(content, "PstCd") == ["2402124021240212"]
    assert _texts(content, "TwnNm") == ["Sen Jan " + "z" * 27]


def test_address_is_structured_only() -> None:
    content = write(FILE)
    assert _texts(content, "AdrLine") == []
    assert _texts(content, "PstlAdr/TwnNm") == ["Albino", "Albino"]
    assert _texts(content, "PstlAdr/Ctry") == ["IT", "IT"]
    bare = write(replace(FILE, payments=(replace(FIRST, address=Address("", "", "", "Clusone")),)))
    assert _texts(bare, "StrtNm") == _texts(bare, "BldgNb") == _texts(bare, "PstCd") == []
    assert _texts(bare, "TwnNm") == ["Clusone"]


def test_an_address_may_be_left_out(schema: etree.XMLSchema) -> None:
    content = write(replace(FILE, payments=(replace(FIRST, address=None), SECOND)))
    schema.assertValid(etree.fromstring(content))
    assert _texts(content, "PstlAdr/TwnNm") == ["Albino"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Caffè Öst, Łódź Ærø", "Caffe Ost, Lodz AEro"),
        ("perché città più là", "perche citta piu la"),
        (
            "l\N{RIGHT SINGLE QUOTATION MARK}orto; 3\N{DEGREE SIGN} e 4\N{MASCULINE ORDINAL INDICATOR}",
            "l'orto, 3. e 4o",
        ),
        ("a@b #1 {x} [y] \\ |", "a.b .1 (x) (y) / /"),
        ("  two \t words\n", "two words"),
        ("NUL\0 and \ud800", "NUL. and ."),
        ("\N{LATIN SMALL LIGATURE FI}ne", "fine"),
        ("\N{CJK UNIFIED IDEOGRAPH-4E2D}", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_transliteration(text: str, expected: str) -> None:
    assert to_sepa(text, 70) == expected


def test_cut_text_does_not_end_in_a_blank() -> None:
    assert to_sepa("one two", 4) == "one"


@given(st.text(max_size=200), st.integers(1, 140))
def test_transliterated_text_is_clean_short_and_stable(text: str, length: int) -> None:
    clean = to_sepa(text, length)
    assert SEPA_CHARACTERS.fullmatch(clean)
    assert len(clean) <= length
    assert to_sepa(clean, length) == clean


@pytest.mark.parametrize("text", ["A", "2026-1-1", "a/b", "x" * 35, "A1:b.c,d'e(f)?+"])
def test_identifiers(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.parametrize("text", ["", "x" * 36, "/a", "a/", "a//b", "a b", "a_b", "à", "a\n", "a\0", "a&b"])
def test_identifiers_are_refused_not_rewritten(text: str) -> None:
    assert not is_identifier(text)
    for wrong in (replace(FILE, message_id=text), replace(FILE, payments=(FIRST, replace(SECOND, end_to_end_id=text)))):
        with pytest.raises(PaymentFileError) as refusal:
            write(wrong)
        assert refusal.value.reason == "identifier"
        assert refusal.value.position == (None if wrong.message_id == text else 1)


@pytest.mark.parametrize("amount_cents", [0, -1, 100_000_000_000, 2**63, True, 1.0, Decimal(1), "1"])
def test_amounts_that_are_refused(amount_cents: int) -> None:
    with pytest.raises(PaymentFileError) as refusal:
        write(replace(FILE, payments=(FIRST, replace(SECOND, amount_cents=amount_cents))))
    assert (refusal.value.reason, refusal.value.position) == ("amount", 1)


def test_refusals() -> None:
    wrong: list[tuple[PaymentFile, str, int | None]] = [
        (replace(FILE, payments=()), "no_payments", None),
        (replace(FILE, payments=(FIRST, SECOND, FIRST)), "duplicate_end_to_end_id", 2),
        (replace(FILE, created_at=datetime(2026, 12, 1, 8)), "time", None),  # noqa: DTZ001 - naive on purpose
        (replace(FILE, requested_execution_on=FILE.created_at), "time", None),
        (replace(FILE, debtor_name="\N{CJK UNIFIED IDEOGRAPH-4E2D}"), "name", None),
        (replace(FILE, payments=(replace(FIRST, creditor_name=" "),)), "name", 0),
        (replace(FILE, payments=(replace(FIRST, remittance=""),)), "remittance", 0),
        (replace(FILE, payments=(replace(FIRST, address=replace(ADDRESS, town="")),)), "address", 0),
        (replace(FILE, payments=(replace(FIRST, address=replace(ADDRESS, country="it")),)), "address", 0),
        (replace(FILE, payments=(replace(FIRST, address=replace(ADDRESS, country="Italia")),)), "address", 0),
    ]
    for file, reason, position in wrong:
        with pytest.raises(PaymentFileError) as refusal:
            write(file)
        assert (refusal.value.reason, refusal.value.position) == (reason, position)


def test_wrong_ibans_are_refused() -> None:
    for file in (
        replace(FILE, debtor_iban="IT64Y0542811101000000123456"),
        replace(FILE, payments=(replace(FIRST, creditor_iban="IT64Y0542811101000000123456"),)),
    ):
        with pytest.raises(IbanError) as refusal:
            write(file)
        assert refusal.value.reason == "national_check"


NAMES = st.text(max_size=100).map(lambda text: f"a{text}")
PAYMENTS = st.lists(
    st.builds(
        Payment,
        end_to_end_id=st.from_regex(r"[A-Za-z0-9?:().,'+-]{1,35}", fullmatch=True),
        creditor_name=NAMES,
        creditor_iban=st.sampled_from([FIRST.creditor_iban, SECOND.creditor_iban, "DE89 3704 0044 0532 0130 00"]),
        amount_cents=st.integers(1, 99_999_999_999),
        remittance=NAMES,
        address=st.builds(
            Address,
            street=st.text(max_size=90),
            number=st.text(max_size=20),
            postcode=st.text(max_size=20),
            town=NAMES,
            country=st.sampled_from(["IT", "DE", "SM"]),
        ),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda payment: payment.end_to_end_id,
)


@given(payments=PAYMENTS)
def test_any_valid_payments_make_a_valid_file(schema: etree.XMLSchema, payments: list[Payment]) -> None:
    content = write(replace(FILE, payments=payments))
    schema.assertValid(etree.fromstring(content))
    total = sum(payment.amount_cents for payment in payments)
    assert _texts(content, "PmtInf/CtrlSum") == [f"{Decimal(total) / 100:.2f}"]
    assert sum(Decimal(text) for text in _texts(content, "InstdAmt")) * 100 == total
    assert _texts(content, "EndToEndId") == [payment.end_to_end_id for payment in payments]
    assert all(
        SEPA_CHARACTERS.fullmatch(text) for text in map(str, etree.fromstring(content).itertext()) if text.strip()
    )
    assert write(replace(FILE, payments=tuple(payments))) == content
