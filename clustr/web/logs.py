"""Logs: one JSON object a line in production, readable lines elsewhere; no secret and no personal data in either.

What may hold a value somebody sent (messages of foreign exceptions, details of database errors, local variables) never
reaches a log: of an exception it keeps the kinds, the places in the code, and the database's own codes.
"""

from __future__ import annotations

import logging
import logging.config
import re
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from clustr.kit.errors import Refusal

_SECRET_NAMES = re.compile(
    r"pin|password|passwd|secret|token|authorization|cookie|otp|^code$|card|cvv|api_?key|session_?key", re.IGNORECASE
)
_SECRET_VALUES = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"  # e-mail addresses
)
REMOVED = "[removed]"


def configure(*, production: bool, level: str) -> None:
    """Send the logs of ClustR and of every library through the same processors to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        explain_exception,
        remove_secrets,
    ]
    written: Processor = (
        structlog.processors.JSONRenderer() if production else structlog.dev.ConsoleRenderer(colors=False)
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, written],
                    "foreign_pre_chain": shared,
                    "keep_exc_info": False,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # 4xx answers stand in the access line; paths may hold the code of a receipt or an invitation.
                "django.request": {"level": "CRITICAL"},
                "django.security": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                "django.db.backends": {"level": "WARNING"},
                "psycopg.pool": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "procrastinate": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def explain_exception(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Replace an exception by what is safe to keep of it."""
    held = event.pop("exc_info", None)
    if held is True:
        import sys

        held = sys.exc_info()
    error = held[1] if isinstance(held, tuple) else held
    if isinstance(error, BaseException):
        event["raised"] = _explained(error)
    event.pop("stack_info", None)
    return event


def remove_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The last wall: names that promise a secret lose their value, and what looks like one is cut out of texts."""
    return {name: _without_secrets(name, value) for name, value in event.items()}


def _without_secrets(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_secrets(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(name, inner) for inner in value]
    if value is not None and _SECRET_NAMES.search(name):
        return REMOVED
    return _SECRET_VALUES.sub(REMOVED, value) if isinstance(value, str) else value


def _explained(error: BaseException) -> list[dict[str, Any]]:
    """The chain of exceptions, the last first: kind, safe message, and where it came through."""
    chain: list[dict[str, Any]] = []
    following: BaseException | None = error
    while following is not None and len(chain) < 5:
        frames = traceback.extract_tb(following.__traceback__)
        chain.append(
            {
                "kind": f"{type(following).__module__}.{type(following).__qualname__}",
                **_safe_facts(following),
                "at": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
            }
        )
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return chain


def _safe_facts(error: BaseException) -> dict[str, Any]:
    diagnostic = getattr(error, "diag", None)
    if diagnostic is not None:
        facts = {
            "sqlstate": getattr(error, "sqlstate", None),
            "table": diagnostic.table_name,
            "constraint": diagnostic.constraint_name,
        }
        return {name: fact for name, fact in facts.items() if fact}
    if isinstance(error, Refusal):
        return {"refusal": error.code}
    if isinstance(error, AssertionError | RuntimeError | TypeError | AttributeError | NameError | ImportError):
        return {"message": str(error)[:300]}  # written by programmers about programs
    return {}


def _short(path: str) -> str:
    return "/".join(path.rsplit("/", 3)[1:])
