"""Refusals of files."""

from app.errors import AppError


class NotCsv(AppError, status=415, code="not_csv"):
    """This is a spreadsheet file, not CSV: save it as CSV."""


class TooManyRows(AppError, status=413, code="too_many_rows"):
    """The file has more rows than one import takes; `max_rows` says how many."""


class ImportRefused(AppError, status=422, code="import_refused"):
    """Rows of the file are not acceptable, so nothing was stored; `errors` points to `/rows/{row}/{field}`."""
