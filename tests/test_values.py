"""Ids, time, money, settings and sealed bytes: pure functions against published vectors and laws."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app import clock, config, ids, money, sealing
from app.errors import Invalid
from app.http.body import MalformedBody, parse_json
from app.http.schemas import Code, Name, Prose

# Ids: vectors of the TypeID specification (jetify-com/typeid, spec/valid.yml and invalid.yml)


@pytest.mark.parametrize(
    ("suffix", "value"),
    [
        ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
        ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
        ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
        ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
        ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
        ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("01h4vjdvzefw18zfwz5dxw5y8g", "01893726-efee-7f02-8fbf-9f2b7bc2f910"),
    ],
)
def test_ids_match_the_specification(suffix: str, value: str) -> None:
    assert ids.encode("org", UUID(value)) == f"org_{suffix}"
    assert ids.decode("org", f"org_{suffix}") == UUID(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "org",
        "org_",
        "00000000000000000000000000",
        "_00000000000000000000000000",
        "ORG_00000000000000000000000000",
        "org_0000000000000000000000000A",
        "org_0000000000000000000000000",
        "org_000000000000000000000000000",
        "org_80000000000000000000000000",  # more than 128 bits
        "org_0000000000000000000000000i",
        "org_0000000000000000000000000l",
        "org_0000000000000000000000000o",
        "org_0000000000000000000000000u",
        "org_00000000000000000000000-00",
        "org_00000000000000000000000000\n",
        " org_00000000000000000000000000",
        "org__0000000000000000000000000",
        "or_00000000000000000000000000",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        "org_\u0660000000000000000000000000",
    ],
)
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="malformed id"):
        ids.decode("org", text)


def test_an_id_of_another_type_is_not_the_id() -> None:
    with pytest.raises(ValueError, match="another type"):
        ids.decode("usr", "org_00000000000000000000000000")


@given(st.uuids())
def test_ids_survive_the_round_trip(value: UUID) -> None:
    assert ids.decode("bkg", ids.encode("bkg", value)) == value


@given(st.uuids(), st.uuids())
def test_text_order_is_id_order(one: UUID, other: UUID) -> None:
    assert (ids.encode("bkg", one) < ids.encode("bkg", other)) == (one.int < other.int)


def test_new_ids_are_version_7_and_rise() -> None:
    made = [ids.new_id() for _ in range(2_000)]
    assert {value.version for value in made} == {7}
    assert {value.variant for value in made} == {"specified in RFC 4122"}
    assert made == sorted(set(made))


# Time


@pytest.mark.parametrize(
    ("day", "begins", "hours"),
    [
        (date(2026, 1, 15), "2026-01-14T23:00:00Z", 24),
        (date(2026, 3, 29), "2026-03-28T23:00:00Z", 23),  # clocks go forward
        (date(2026, 3, 30), "2026-03-29T22:00:00Z", 24),
        (date(2026, 10, 25), "2026-10-24T22:00:00Z", 25),  # clocks go back
        (date(2026, 10, 26), "2026-10-25T23:00:00Z", 24),
        (date(2026, 12, 31), "2026-12-30T23:00:00Z", 24),
        (date(2028, 2, 29), "2028-02-28T23:00:00Z", 24),
    ],
)
def test_days_end_at_midnight_in_rome(day: date, begins: str, hours: int) -> None:
    start = clock.midnight(day)
    assert clock.rfc3339(start) == begins
    assert clock.end_of(day) - start == timedelta(hours=hours)
    assert (clock.day_of(start), clock.day_of(start - timedelta(microseconds=1))) == (day, day - timedelta(days=1))
    assert clock.day_of(clock.end_of(day) - timedelta(microseconds=1)) == day


@given(st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_an_instant_lies_in_its_day(instant: datetime) -> None:
    day = clock.day_of(instant)
    assert clock.midnight(day) <= instant < clock.end_of(day)


def test_business_time_moves_and_real_time_does_not() -> None:
    with clock.at(datetime(2030, 1, 1, tzinfo=UTC)):
        assert clock.today() == date(2030, 1, 1)
        assert clock.real().year < 2030
        with clock.moved(timedelta(0)):
            assert clock.now().year < 2030
        assert clock.now().year == 2030
    assert abs(clock.now() - clock.real()) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z"),  # in the gap, but the offset says when
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z"),
        ("2026-12-01T09:00:00.123456Z", "2026-12-01T09:00:00.123456Z"),
        ("2026-12-01T09:00:00-12:00", "2026-12-01T21:00:00Z"),
    ],
)
def test_instants_are_read_with_their_offset(text: str, expected: str) -> None:
    adapter = TypeAdapter(clock.Instant)
    assert adapter.dump_python(adapter.validate_python(text), mode="json") == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026-12-01T09:00:00", "instant_naive"),
        ("2026-03-29T02:30:00", "instant_naive"),
        ("2026-10-25T02:30:00", "instant_naive"),
        (1_764_579_600, "instant"),
        ("1764579600", "instant"),
        (1.5, "instant"),
        (True, "instant"),
        ("2026-12-01", "instant"),
        ("2026-02-30T09:00:00Z", "instant"),
        ("2026-12-01T24:30:00Z", "instant"),
        ("2026-12-01T09:60:00Z", "instant"),
        ("2026-12-01T09:00:61Z", "instant"),
        ("0001-01-01T00:00:00Z", "instant_range"),
        ("9999-12-31T23:59:59Z", "instant_range"),
        ("0001-01-01T00:00:00+23:59", "instant_range"),
        ("T", "instant"),
        ("2026-W01-1T09:00:00Z", "instant"),
        ("20261201T090000Z", "instant"),
        ("2026-12-01t09:00:00z", "instant"),
        ("2026-12-01T09:00:00,5Z", "instant"),
        ("2026-12-01T09:00:00\u0660Z", "instant"),
        ("", "instant"),
        ("2026-12-01T09:00:00Z" + " " * 30, "instant"),
    ],
)
def test_odd_instants_are_refused(value: object, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(clock.Instant).validate_python(value)
    assert caught.value.errors()[0]["type"] == kind


@pytest.mark.parametrize(
    "value",
    ["2026-02-30", "2026-13-01", "2026-W01-1", "20261201", "01/12/2026", 20_261_201, True, "0001-01-01", "9999-12-31"],
)
def test_odd_days_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(clock.Day).validate_python(value)


# Money


@pytest.mark.parametrize(
    ("amount", "bps", "expected"),
    [(0, 200, 0), (1, 5_000, 1), (1, 4_999, 0), (25, 200, 1), (24, 200, 0), (22_50, 200, 45), (10**8, 10_000, 10**8)],
)
def test_shares_round_half_up(amount: int, bps: int, expected: int) -> None:
    assert money.share_bps(amount, bps) == expected


@pytest.mark.parametrize(
    ("gross", "bps", "vat"), [(157_50, 500, 7_50), (122_00, 2_200, 22_00), (1, 2_200, 0), (0, 500, 0), (3, 2_200, 1)]
)
def test_vat_is_contained_in_the_gross(gross: int, bps: int, vat: int) -> None:
    assert money.included_vat(gross, bps) == vat


@given(st.integers(0, 10**8), st.sampled_from([0, 500, 1_000, 2_200]))
def test_net_and_vat_are_the_gross_to_half_a_cent(gross: int, bps: int) -> None:
    net = gross - money.included_vat(gross, bps)
    assert 0 <= net <= gross
    assert abs(net * (10_000 + bps) - gross * 10_000) * 2 <= 10_000 + bps


@given(st.integers(0, 10**10), st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
def test_a_split_places_every_cent_within_one_of_its_share(total: int, weights: list[int]) -> None:
    parts = money.split(total, weights)
    whole = sum(weights)
    if whole == 0:
        assert parts == [0] * len(weights)
        return
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - total * weight) < whole
        assert part == 0 or weight > 0


def test_spare_cents_go_to_the_largest_remainder_then_the_first() -> None:
    assert money.split(100, [1, 1, 1]) == [34, 33, 33]
    assert money.split(10, [6, 3, 1]) == [6, 3, 1]
    assert money.split(5, [5, 3, 2]) == [3, 1, 1]
    assert money.split(1, [1, 2]) == [0, 1]
    assert money.split(0, [1, 2]) == [0, 0]


def test_euro_is_written_the_italian_way() -> None:
    assert [money.euro(value) for value in (0, 5, 123_450, -1, 100_000_000_00)] == [
        "0,00",
        "0,05",
        "1.234,50",
        "-0,01",
        "100.000.000,00",
    ]


@pytest.mark.parametrize("value", [-1, 100_000_001, 5.0, "5", True, 1e2, None, 2**63])
def test_cents_are_bounded_integers(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(money.Cents).validate_python(value, strict=True)
    assert TypeAdapter(money.Cents).validate_python(100_000_000, strict=True) == 100_000_000


def test_positive_cents_are_not_zero() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(money.PositiveCents).validate_python(0, strict=True)


# Text


@pytest.mark.parametrize("value", ["", " ", "\u00a0", "a\nb", "a\x00b", "a\x7fb", "a\u202eb", "a\u200bb", "x" * 201])
def test_names_are_one_printable_line(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(value)


def test_names_lose_outer_blanks_and_keep_the_rest() -> None:
    assert TypeAdapter(Name).validate_python("  Maria D'Aò ") == "Maria D'Aò"
    assert TypeAdapter(Code).validate_python("A-1") == "A-1"
    assert TypeAdapter(Prose).validate_python("one\n\ttwo") == "one\n\ttwo"
    with pytest.raises(ValidationError):
        TypeAdapter(Prose).validate_python("a\x1bb")


# JSON


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 10**24, 10**24)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_clean_json_is_read_as_the_library_reads_it(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parsed = parse_json(raw)
    except (MalformedBody, Invalid):
        return
    assert parsed == json.loads(raw)


def test_depth_is_counted_outside_strings_only() -> None:
    assert parse_json(b'{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\"{{{{"}') == {"a": "[" * 36 + '"{{{{'}
    assert parse_json(b"[" * 32 + b"]" * 32) is not None
    with pytest.raises(MalformedBody, match="malformed_body"):
        parse_json(b"[" * 33 + b"]" * 33)


# Settings and seals


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    config.settings.cache_clear()
    sealing.derived_key.cache_clear()


def key(letter: bytes) -> str:
    return base64.urlsafe_b64encode(letter * 32).decode()


def production(environment: pytest.MonkeyPatch, **given: str) -> config.Settings:
    values = {
        "BEATRICE_MODE": "production",
        "BEATRICE_SECRET_KEYS": key(b"p"),
        "BEATRICE_SMTP_URL": "smtp://127.0.0.1:1",
        "DATABASE_URL": "postgresql://127.0.0.1/beatrice",
        "BEATRICE_OPERATOR_IBAN": "IT28W8000000292100645211111",
        "BEATRICE_PUBLIC_URL": "https://welfare.example",
        **given,
    }
    for name, value in values.items():
        environment.setenv(name, value)
    for name, value in values.items():
        if value == "":
            environment.delenv(name)
    return config.Settings()


def test_production_takes_its_own_secrets_only(environment: pytest.MonkeyPatch) -> None:
    assert production(environment).sandbox is False
    refusals = [
        ({"BEATRICE_SECRET_KEYS": config.SANDBOX_SECRET}, "the sandbox's key is public"),
        ({"BEATRICE_SECRET_KEYS": f"{key(b'p')},{config.SANDBOX_SECRET}"}, "the sandbox's key is public"),
        ({"BEATRICE_SECRET_KEYS": ""}, "the sandbox's key is public"),
        ({"DATABASE_URL": ""}, "production needs its own PostgreSQL"),
        ({"BEATRICE_SMTP_URL": ""}, "production sends real mail"),
        ({"BEATRICE_OPERATOR_IBAN": ""}, "production pays from an account of its own"),
        ({"BEATRICE_PUBLIC_URL": ""}, "links in mails lead to an https address"),
        ({"BEATRICE_APPROVING_ROLE_HOURS": "23"}, "production waits for at least 24 hours"),
        ({"BEATRICE_SECRET_KEYS": base64.urlsafe_b64encode(b"short").decode()}, "each key is 32 bytes"),
        ({"DATABASE_URL": "mysql://127.0.0.1/x"}, "a PostgreSQL URL is needed"),
    ]
    for given_values, message in refusals:
        with pytest.raises(ValidationError, match=message):
            production(environment, **given_values)


def test_an_empty_or_unreadable_key_list_stops_the_start(environment: pytest.MonkeyPatch) -> None:
    for value in (",", "not base64!", "===="):
        with pytest.raises(ValidationError):
            production(environment, BEATRICE_SECRET_KEYS=value)


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_seals_open_with_their_context_only(plain: bytes, context: bytes) -> None:
    sealed = sealing.encrypt("test", plain, context)
    assert sealing.decrypt("test", sealed, context) == plain
    with pytest.raises(InvalidTag):
        sealing.decrypt("test", sealed, context + b"x")
    with pytest.raises(InvalidTag):
        sealing.decrypt("other", sealed, context)
    with pytest.raises(InvalidTag):
        sealing.decrypt("test", sealed[:-1] + bytes([sealed[-1] ^ 1]), context)


def test_keys_rotate(environment: pytest.MonkeyPatch) -> None:
    def use(*letters: bytes) -> None:
        environment.setenv("BEATRICE_SECRET_KEYS", ",".join(key(letter) for letter in letters))
        _forget()

    use(b"a")
    old = sealing.encrypt("test", b"kept")
    use(b"b", b"a")
    new = sealing.encrypt("test", b"fresh")
    assert (sealing.decrypt("test", old), sealing.decrypt("test", new)) == (b"kept", b"fresh")
    assert old[:4] != new[:4]
    use(b"b")
    assert sealing.decrypt("test", new) == b"fresh"
    with pytest.raises(LookupError, match="no longer configured"):
        sealing.decrypt("test", old)
    use(b"a", b"b")
    assert sealing.decrypt("test", new) == b"fresh"
