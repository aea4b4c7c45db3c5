"""Logs: one JSON object a line in production, readable lines elsewhere; no secret and no personal data in either.

What may hold a value somebody sent (messages of foreign exceptions, details of database errors, local variables) never
reaches a log: of an exception it keeps the kinds, the places in the code, and the database's own codes.
"""

from __future__ import annotations

import logging
import logging.config
import re
import traceback
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from clustr.kit.errors import Refusal

_SECRET_NAMES = re.compile(
    r"pin(?!g)|password|passwd|secret|token|authorization|cookie|otp|^code$|card|cvv|api_?key|session_?key|email|phone",
    re.IGNORECASE,
)
_NUMBER_NAMES = re.compile(r"account_?(number|no)$|(^|_)meter|nuban|iban|^bank_account$", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|pk|whsec|rk)_(?:test|live)?_?[A-Za-z0-9]{8,}"  # keys of Paystack and Stripe
    r"|\bFLW(?:SECK|PUBK)[A-Za-z0-9_-]{8,}"  # and of Flutterwave
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # the login in an address
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"  # e-mail addresses
)
# The numbers of accounts, cards, meters and telephones, in one piece or in groups. Not those inside an id or a reference,
# which letters, digits and dashes continue.
_LONG_NUMBERS = re.compile(r"(?<![\w.-])\+?(?:\d{9,19}|\d{3,6}(?:[ -]\d{3,6}){2,4})(?![\w-]|\.\d)", re.ASCII)
REMOVED = "[removed]"
_PROCESSORS: list[Processor] = []
"""One list for all of the process's life: a logger that was used keeps the list it was made with."""


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
                "factur-x": {"level": "CRITICAL"},  # it says whole documents, with names and addresses
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "procrastinate": {"level": "WARNING"},
                "procrastinate.worker": {"level": "CRITICAL"},  # how a job ended, clustr.kit.job_reports says
                "procrastinate.worker.all": {"level": "WARNING"},
                "procrastinate.worker.money": {"level": "WARNING"},
            },
        }
    )
    _PROCESSORS[:] = [
        structlog.stdlib.filter_by_level,
        *shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=_PROCESSORS,
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
    promises = _promised_by(name)
    if promises and value is not None:
        return REMOVED if promises == "secret" else _ending_of(str(value))
    return _cut(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _promised_by(name: str) -> str:
    """What a name promises: a "secret", of which nothing is kept, a "number", of which the end is, or "" nothing."""
    return "secret" if _SECRET_NAMES.search(name) else "number" if _NUMBER_NAMES.search(name) else ""


def _cut(text: str) -> str:
    text = _SECRET_VALUES.sub(REMOVED, text)
    return _LONG_NUMBERS.sub(lambda found: _ending_of(found.group()), text)


def _ending_of(number: str) -> str:
    """By its last four people recognise a number, and by no more."""
    digits = re.sub(r"\W", "", number)
    return f"…{digits[-4:]}" if len(digits) > 7 else REMOVED


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
