"""What a settlement's hash is taken of: canonical JSON (sorted keys, no blanks, dates ISO, ids as UUIDs).

The same text as `json.dumps(content, sort_keys=True, separators=(",", ":"))`, written in SQL because documents are made
and checked thousands of lines at a time. All values are integers, dates, UUIDs and words of ours: nothing to escape.
"""


def _object(**members: str) -> str:
    """Return the SQL that writes an object; each value is the SQL of its text."""
    parts = [f"""'"{name}":' || {value}""" for name, value in sorted(members.items())]
    return "'{' || " + " || ',' || ".join(parts) + " || '}'"


def _quoted(value: str) -> str:
    return f"'\"' || {value} || '\"'"


def _day(column: str) -> str:
    return _quoted(f"to_char({column}, 'YYYY-MM-DD')")


def line(row: str) -> str:
    """Return the SQL of one line's text; `row` is the alias of a row with a line's columns."""
    return _object(
        fee_cents=f"{row}.fee_cents",
        fee_vat_cents=f"{row}.fee_vat_cents",
        gross_cents=f"{row}.gross_cents",
        kind=_quoted(f"{row}.kind"),
        net_cents=f"{row}.net_cents",
        service_on=_day(f"{row}.service_on"),
        subsidy_cents=f"{row}.subsidy_cents",
        unit_id=_quoted(f"{row}.unit_id"),
        vat_code=_quoted(f"{row}.vat_code"),
    )


def lines(row: str) -> str:
    """Return the aggregate of a document's lines, in the order in which they are shown."""
    return f"'[' || string_agg({line(row)}, ',' ORDER BY {row}.service_on, {row}.unit_id, {row}.kind) || ']'"


def document(row: str, lines_text: str) -> str:
    """Return the SQL of a settlement's text; `lines_text` is the SQL of its lines' text."""
    return _object(
        cutoff_on=_day(f"{row}.cutoff_on"),
        fee_cents=f"{row}.fee_cents",
        fee_vat_cents=f"{row}.fee_vat_cents",
        gross_cents=f"{row}.gross_cents",
        lines=lines_text,
        number=_quoted(f"{row}.year || '/' || {row}.sequence"),
        pay_on=_day(f"{row}.pay_on"),
        payout_cents=f"{row}.payout_cents",
        provider_id=_quoted(f"{row}.provider_id"),
        subsidy_cents=f"{row}.subsidy_cents",
        vat_cents=f"{row}.vat_cents",
    )


def run(cutoff_on: str, row: str) -> str:
    """Return the aggregate of a run's text: its cutoff and the settlements' hashes by provider."""
    hashes = f"""coalesce(string_agg('"' || {row}.content_sha256 || '"', ',' ORDER BY {row}.provider_id), '')"""
    return _object(cutoff_on=_day(cutoff_on), settlements=f"'[' || {hashes} || ']'")


def sha256(content: str) -> str:
    return f"encode(sha256(convert_to({content}, 'UTF8')), 'hex')"
