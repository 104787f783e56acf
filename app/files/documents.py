"""What kind of document a file is, by its bytes: names and declared types say what their sender likes.

A file is one thing only. What is a picture and something else at once (a page inside a comment, an archive behind the
last chunk) is refused, and so is a PDF that runs, opens or carries something. What telephones leave behind a photograph
is cut off.
"""

import re
import zlib
from typing import Literal

from app.errors import AppError

MediaType = Literal["application/pdf", "image/jpeg", "image/png"]
MAX_DOCUMENT = 5 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKER = 0xFF
_START_OF_SCAN = 0xDA
_END = b"\xff\xd9"
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, the restarts and SOI."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_ACTIVE = re.compile(rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData)(?![A-Za-z0-9])")
"""Long names only: a short one stands by chance in what is compressed."""
_FOREIGN = (b"PK\x03\x04", b"PK\x05\x06", b"<html", b"<script", b"<svg", b"<?php")
_PDF_END = re.compile(rb"startxref\s+\d+\s+%%EOF\s*\Z")
_LENGTH = 2
"""The length of a segment counts itself."""
_CHUNK_FRAME = 12
"""Length, name and sum of a chunk."""


class NotADocument(AppError, status=415, code="not_a_document"):
    """This is no PDF, JPEG or PNG, or not only that: send the receipt as a plain PDF or a photograph."""


def document(content: bytes) -> tuple[MediaType, bytes]:
    """Return what a file is and its bytes, without what follows the end of a photograph; NotADocument for all else."""
    if content.startswith(_PNG) and _is_png(content):
        return "image/png", content
    if content.startswith(b"\xff\xd8\xff") and (end := _end_of_jpeg(content)) is not None:
        return "image/jpeg", content[:end]
    if content.startswith(b"%PDF-1.") and _is_pdf(content):
        return "application/pdf", content
    raise NotADocument


def _is_png(content: bytes) -> bool:
    """Walk the chunks: IHDR first, sums right, IEND last and nothing behind it."""
    place, names = len(_PNG), []
    while place + _CHUNK_FRAME <= len(content):
        size = int.from_bytes(content[place : place + 4])
        name = content[place + 4 : place + 8]
        end = place + _CHUNK_FRAME + size
        if end > len(content) or zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            return False
        names.append(name)
        # Pixels are compressed and may look like anything; what stands in words may not.
        if name != b"IDAT" and _speaks_otherwise(content[place + 8 : end - 4]):
            return False
        place = end
        if name == b"IEND":
            break
    return names[:1] == [b"IHDR"] and b"IDAT" in names and names[-1] == b"IEND" and place == len(content)


def _end_of_jpeg(content: bytes) -> int | None:
    """Walk the segments up to the scan; in it the marker of the end stands for nothing else."""
    place, framed = 2, False
    while place + 4 <= len(content) and content[place] == _MARKER:
        kind = content[place + 1]
        if kind == _MARKER or kind in _ALONE:
            place += 1 if kind == _MARKER else 2
            continue
        size = int.from_bytes(content[place + 2 : place + 4])
        if size < _LENGTH or _speaks_otherwise(content[place + 4 : place + 2 + size]):
            return None
        framed = framed or kind in _FRAMES
        place += 2 + size
        if kind == _START_OF_SCAN:
            end = content.find(_END, place)
            return end + len(_END) if framed and end >= 0 else None
    return None


def _is_pdf(content: bytes) -> bool:
    """Whether the file ends as PDFs end and nothing in it acts; names written with `#` are read as they mean."""
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes((int(found[1], 16),)), content)
    return (
        _PDF_END.search(content[-1024:]) is not None
        and _ACTIVE.search(plain) is None
        and not any(word in content.lower() for word in (b"<script", b"<?php"))
        and b"PK\x05\x06" not in content[-66_000:]
    )


def _speaks_otherwise(body: bytes) -> bool:
    head = body.lower()
    return any(word.lower() in head for word in (*_FOREIGN, b"%pdf-"))
