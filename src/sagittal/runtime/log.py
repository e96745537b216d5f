"""Log lines: an event name in lower case and facts as keys. Never patient data."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Literal

import structlog

LogFormat = Literal["text", "json"]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: `log = get_logger(__name__)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def configure(level: str = "info", form: LogFormat = "text") -> None:
    """Sets where lines go (standard error), from which level on, and how they look."""
    json = (structlog.processors.JSONRenderer(),)  # says itself what would break a line
    text = (_on_one_line, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    renderers: tuple[structlog.types.Processor, ...] = json if form == "json" else text
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def _without_messages(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """An exception as its type and where it came from: its message may quote a value of a patient."""
    told = event.pop("exc_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _on_one_line(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Without characters that break a line, colour a terminal or turn letters around, which a peer may have sent."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(one if one.isprintable() else "\ufffd" for one in value)
    return event


def _to_stderr(*_: object) -> structlog.PrintLogger:
    """A logger that writes to what standard error is now: it may be another file later."""
    return structlog.PrintLogger(sys.stderr)
