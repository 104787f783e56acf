"""`beatrice rules`: reading and signing at the command line, and what is said before serving."""

from datetime import date
from pathlib import Path

from app.rules.book import load
from app.rules.signatures import append, made, named
from tests.conftest import Beatrice
from tests.production import ENVIRONMENT


def test_rules_show_prints_what_holds_on_the_day_named(beatrice: Beatrice) -> None:
    answers = [beatrice("rules", "show", "--on", day, "--language", "en") for day in ("2027-12-31", "2028-01-01")]
    assert [answer.exit_code for answer in answers] == [0, 0]
    assert [("1,000.00 euro" in answer.stdout, "258.23 euro" in answer.stdout) for answer in answers] == [
        (True, False),
        (False, True),
    ]
    assert "Contratti collettivi" in beatrice("rules", "show").stdout
    assert beatrice("rules", "show", "--on", "2026-02-30").exit_code == 2


def test_rows_are_signed_off_as_they_were_read(beatrice: Beatrice, tmp_path: Path) -> None:
    kept = {"BEATRICE_RULE_SIGNATURES": str(tmp_path / "signatures.toml")}
    names = beatrice("rules", "show", "--on", "2026-03-15", "--names", **kept).stdout.split()
    assert (len(names), names[1]) == (100, "rule/C2_F/2016-01-01@606e69e8dd8b")
    refused = beatrice("rules", "sign-off", "--by", "Studio Paghe", *names[:2], "rule/C2_F/2016-01-01@0", **kept)
    assert (refused.exit_code, refused.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert refused.stderr.startswith("Nothing was signed.\nrule/C2_F/2016-01-01@0: the row says something else")
    assert beatrice("rules", "sign-off", *names[:2], **kept).exit_code == 2
    signed = beatrice("rules", "sign-off", "--by", "Studio Paghe", *names[:2], **kept)
    assert (signed.exit_code, signed.stdout.splitlines()[0]) == (
        0,
        f"Studio Paghe signed 2 rows off in {tmp_path / 'signatures.toml'}.",
    )


def test_the_first_signatures_are_read_by_what_starts_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "signatures.toml"
    append(file, made([named(row) for row in load().rules], load().rows(), "Studio Paghe", date(2026, 1, 2)))
    assert len(load(signature_file=file).unsigned_on(date(2026, 3, 15))) == 94


def test_production_says_before_it_serves_what_nobody_signed(beatrice: Beatrice) -> None:
    answer = beatrice("serve", **ENVIRONMENT, PORT="0")
    assert answer.exit_code == 1
    first, *rows, _, reached = answer.stderr.splitlines()
    assert first.startswith("Nobody has signed 100 rows of law that hold today")
    assert [row.strip() for row in rows[:2]] == ["rule/C2_D_BIS/2018-01-01", "rule/C2_F/2016-01-01"]
    assert (len(rows), reached.split(":")[0]) == (100, "The database cannot be reached")


def test_rows_or_signatures_that_cannot_be_read_stop_the_start(beatrice: Beatrice, tmp_path: Path) -> None:
    file = tmp_path / "signatures.toml"
    file.write_text("[[signature]", encoding="utf-8")
    for command in (["run"], ["rules", "show"]):
        answer = beatrice(*command, BEATRICE_RULE_SIGNATURES=str(file), BEATRICE_DATA_DIR=str(tmp_path))
        assert (answer.exit_code, answer.stderr.split(":")[0]) == (1, "signatures.toml"), command
    assert list(tmp_path.iterdir()) == [file]
