"""Logging: one JSON line per event on stdout, by an allow-list, because personal data must never reach a log.

Ours name the event and give known keys; anything else is dropped. Messages of libraries may hold values (a statement, a
job's arguments), so only their place in the code is kept. An exception becomes its class and the code it passed.
"""

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "where",
        "method",
        "route",
        "status",
        "milliseconds",
        "actor_kind",
        "request_id",
        "client_request",
        "principal_id",
        "key_id",
        "position",
        "hash",
        "signature",
        "exported_at",
        "sweep",
        "task",
        "job_id",
        "sqlstate",
        "constraint",
        "error_class",
        "error_at",
        "count",
        "address",
        "purpose",
    }
)
EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LIBRARY: Final = re.compile(r"/site-packages/|/lib(64)?/python3")
LONGEST_TEXT: Final = 200
FRAMES: Final = 4


def configure(stream: TextIO = sys.stdout, *, console: bool = False) -> None:
    """Send our events from level info and those of libraries from level warning to a stream."""
    renderer: Processor = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
        _allowed,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _allowed, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _library(logger: logging.Logger, _method: str, event: EventDict) -> EventDict:
    """Keep where a library's message was written, not the message."""
    record: logging.LogRecord = event["_record"]
    event["event"] = "library_message"
    event["logger"] = record.name
    event["where"] = f"{record.filename}:{record.lineno} {record.funcName}"
    if record.exc_info:
        event["exc_info"] = record.exc_info
    del logger
    return event


def _exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and the last places in the code; its text may hold values."""
    found = event.pop("exc_info", None)
    error: BaseException | None = None
    if isinstance(found, BaseException):
        error = found
    elif isinstance(found, tuple):
        error = found[1]
    elif found:
        error = sys.exc_info()[1]
    if error is not None:
        event["error_class"] = type(error).__name__
        event["error_at"] = places(error.__traceback__)
    return event


def places(trace: TracebackType | None) -> str:
    """Return the innermost place of a traceback and our own before it: `client.py:9 connect < jobs.py:13 send`."""
    frames = extract_tb(trace)
    ours = [frame for frame in frames[:-1] if not LIBRARY.search(frame.filename)]
    return " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed((ours + frames[-1:])[-FRAMES:])
    )


def _allowed(_logger: object, _method: str, event: EventDict) -> Mapping[str, object]:
    kept = {key: _value(value) for key, value in event.items() if key in ALLOWED}
    if not EVENT.fullmatch(str(kept.get("event"))):
        kept["event"] = "unnamed_event"
    if "method" in kept and kept["method"] not in METHODS:
        kept["method"] = "other"
    return kept | {key: value for key, value in event.items() if key in {"_record", "_from_structlog"}}


def _value(value: object) -> object:
    """Let numbers and short texts pass; nothing structured is logged."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return value[:LONGEST_TEXT] if isinstance(value, str) else type(value).__name__
