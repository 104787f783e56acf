"""What a file is, by its bytes: a renamed program, two things at once and what acts are refused."""

import struct
import zlib

import pytest

from app.files.documents import NotADocument, document
from tests.world.given import PDF


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


HEAD, PIXELS, END = chunk(b"IHDR", bytes(13)), chunk(b"IDAT", b"PK\x03\x04 by chance"), chunk(b"IEND", b"")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG = SIGNATURE + HEAD + PIXELS + END
FRAME, SCAN = b"\xff\xc0\x00\x04\x01\x02", b"\xff\xda\x00\x04\x01\x02" + b"\x11\xff\x00\x22"
JPEG = b"\xff\xd8" + b"\xff\xe0\x00\x04JF" + FRAME + SCAN + b"\xff\xd9"


@pytest.mark.parametrize(
    ("raw", "kind", "kept"),
    [
        (PNG, "image/png", PNG),
        (JPEG, "image/jpeg", JPEG),
        (JPEG + b"MZ what telephones add", "image/jpeg", JPEG),
        (PDF, "application/pdf", PDF),
    ],
)
def test_a_document_is_what_its_bytes_are(raw: bytes, kind: str, kept: bytes) -> None:
    assert document(raw) == (kind, kept)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"MZ\x90\x00 a program",
        b"PK\x03\x04 an archive",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        SIGNATURE,
        SIGNATURE + HEAD + END,
        PNG[:-1],
        PNG + b"PK\x05\x06",
        PNG.replace(b"by chance", b"otherwise"),
        SIGNATURE + HEAD + chunk(b"tEXt", b"x\0<SCRIPT>") + PIXELS + END,
        JPEG[:-2],
        b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff\xfe\x00\x0a%PDF-1.4" + FRAME + SCAN + b"\xff\xd9",
        b"\xff\xd8" + SCAN + b"\xff\xd9",
        b" " + PDF,
        PDF + b"MZ",
        PDF.replace(b"%%EOF", b""),
        PDF.replace(b"/Type", b"/S /JavaScript"),
        PDF.replace(b"/Type", b"/S /J#61vaScript"),
        PDF.replace(b"/Type", b"/Launch"),
        PDF.replace(b"/Type", b"/EmbeddedFile"),
        b"%PDF-1.4 PK\x05\x06" + PDF[8:],
    ],
)
def test_what_is_none_or_more_than_one_thing_is_refused(raw: bytes) -> None:
    with pytest.raises(NotADocument):
        document(raw)
