"""Signing rows off: by name, for what was read, and no longer than the row says it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from app.rules.book import DATA_FOLDER, RuleBook, load, require_signed
from app.rules.errors import RulesNotSigned
from app.rules.rows import Row
from app.rules.signatures import SHORT, Signature, SignatureError, append, made, named, read
from tests.production import changed, in_force

DAY = date(2026, 11, 23)
SIGNED_ON = date(2026, 1, 2)
BOOK = load()
C2_F = "rule/C2_F/2016-01-01"
CLIFF = "limit/fringe_limit_cents/2025-01-01"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA_FOLDER, tmp_path / "data"))


def row(row_id: str, book: RuleBook = BOOK) -> Row:
    return next(each for each in book.rows() if each.id == row_id)


def sign(folder: Path, *row_ids: str, by: str = "Studio Paghe", on: date = SIGNED_ON) -> None:
    book = load(folder)
    signatures = made([named(row(row_id, book)) for row_id in row_ids], book.rows(), by, on)
    append(folder / "signatures.toml", signatures)


def signers(folder: Path) -> dict[str, tuple[str | None, date | None]]:
    return {each.id: (each.signed_off_by, each.signed_off_on) for each in load(folder).rows() if each.signed}


def test_nobody_has_signed_what_we_ship() -> None:
    assert not (DATA_FOLDER / "signatures.toml").exists()
    assert BOOK.unsigned_on(DAY) == tuple(each for each in BOOK.rows() if each.holds(DAY))
    assert BOOK.lapsed == ()


def test_rows_of_every_subject_are_signed_by_name_and_no_others(folder: Path) -> None:
    ids = (
        C2_F,
        "relation/parent/2025-01-01",
        CLIFF,
        "agreement/confapi/2025-01-01",
        "category/nursery/C2_F_BIS/2016-01-01",
    )
    sign(folder, *ids, by='  Studio  Paghè "Rossi" ')
    assert signers(folder) == dict.fromkeys(ids, ('Studio Paghè "Rossi"', SIGNED_ON))
    assert len(load(folder).unsigned_on(DAY)) == len(BOOK.unsigned_on(DAY)) - len(ids)


def test_a_row_that_changed_is_unsigned_again_and_the_signature_is_shown_as_lapsed(folder: Path) -> None:
    sign(folder, CLIFF, C2_F)
    file = folder / "limits.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("value = 100000", "value = 100001", 1), encoding="utf-8")
    assert list(signers(folder)) == [C2_F]
    assert [(each.row, each.by) for each in load(folder).lapsed] == [(CLIFF, "Studio Paghe")]
    file.write_text(before, encoding="utf-8")
    assert list(signers(folder)) == [C2_F, CLIFF]
    assert load(folder).lapsed == ()


@pytest.mark.parametrize("field", ["valid_to", "citation", "source", "status", "value", "title"])
def test_every_word_of_a_row_is_signed(field: str) -> None:
    cliff = row(CLIFF)
    others = {"valid_to": date(2026, 12, 31), "status": "unconfirmed", "value": 1}
    assert replace(cliff, **{field: others.get(field, "other")}).sha256 != cliff.sha256


def test_signing_changes_no_hash_nor_does_what_is_left_out() -> None:
    cliff = row(CLIFF)
    assert replace(cliff, signed_off_by="Studio Paghe", signed_off_on=SIGNED_ON).sha256 == cliff.sha256
    assert replace(row(C2_F), valid_to=None).sha256 == row(C2_F).sha256
    assert len({each.sha256 for each in BOOK.rows()}) == len(list(BOOK.rows()))


def test_the_hash_of_a_row_is_the_same_in_every_version() -> None:
    """Were it to change, every signature of every installation would be void."""
    assert row(C2_F).sha256.startswith("606e69e8dd8b")


def test_the_newest_signature_stands(folder: Path) -> None:
    sign(folder, C2_F)
    sign(folder, C2_F, by="Studio Nuovo", on=date(2026, 2, 3))
    assert signers(folder) == {C2_F: ("Studio Nuovo", date(2026, 2, 3))}
    assert [each.by for each in read(folder / "signatures.toml")] == ["Studio Paghe", "Studio Nuovo"]
    assert [file.name for file in folder.iterdir() if "signatures" in file.name] == ["signatures.toml"]


def test_one_row_named_twice_is_signed_once() -> None:
    name = named(row(C2_F))
    expected = Signature(row=C2_F, sha256=row(C2_F).sha256, by="Studio Paghe", on=SIGNED_ON)
    assert made([name, name], BOOK.rows(), "Studio Paghe", SIGNED_ON) == (expected,)


@pytest.mark.parametrize(
    ("names", "by", "complaint"),
    [
        ([], "Studio Paghe", "No row was named"),
        (["rule/C9/2016-01-01@0123456789ab"], "Studio Paghe", "C9/2016-01-01@0123456789ab: there is no such row"),
        ([C2_F], "Studio Paghe", f"something else than what was read; it is {named(row(C2_F))} now"),
        ([f"{C2_F}@{'0' * SHORT}"], "Studio Paghe", "something else than what was read"),
        ([named(row(C2_F))[:-1]], "Studio Paghe", "something else than what was read"),
        ([named(row(C2_F))], "  ", "needs the name"),
        ([named(row(C2_F))], "Studio\x1b[2J", "needs the name"),
    ],
)
def test_nothing_is_signed_where_one_name_is_wrong(names: list[str], by: str, complaint: str) -> None:
    good = [named(row(CLIFF))] if names else []
    with pytest.raises(SignatureError) as refused:
        made([*good, *names], BOOK.rows(), by, SIGNED_ON)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        "[[signature]",
        "signature = 1",
        '[[signature]]\nrow = "x"\n',
        '[[signature]]\nrow = "x"\nsha256 = "y"\nby = "z"\non = 2026-01-02\nfor = 1\n',
    ],
)
def test_a_broken_file_of_signatures_stops_the_start(folder: Path, content: str) -> None:
    (folder / "signatures.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SignatureError, match=r"signatures\.toml: "):
        load(folder)


@pytest.fixture
def production() -> Iterator[None]:
    with in_force():
        yield


@pytest.mark.usefixtures("production")
def test_production_reckons_with_signed_rows_only() -> None:
    signed = replace(row(CLIFF), signed_off_by="Studio Paghe", signed_off_on=SIGNED_ON)
    require_signed(signed)
    with pytest.raises(RulesNotSigned) as refused:
        require_signed(signed, row(C2_F))
    assert (refused.value.status, refused.value.members) == (409, {"rows": [C2_F]})


def test_the_sandbox_reckons_with_what_nobody_signed() -> None:
    with changed(BEATRICE_MODE="sandbox"):
        require_signed(row(CLIFF), row(C2_F))
