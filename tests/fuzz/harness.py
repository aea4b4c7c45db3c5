"""schemathesis over the OpenAPI document, as one role after another, against the application in this process.

Everything follows from the document: a new address is asked with no change here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import hypothesis
import schemathesis
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from schemathesis import BaseSchema, Case, Response
from schemathesis.config import ProjectConfig
from schemathesis.engine import events, from_schema
from schemathesis.hooks import HookContext
from schemathesis.transport.wsgi import WSGI_TRANSPORT

from tests.fuzz.checks import OURS, asking
from tests.fuzz.towns import Town
from tests.money import prove

DOCUMENT = "/api/openapi.json"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
OFTEN = {"pin": 0.97, "old_pin": 0.97, "X-Cluster-ID": 0.9}
"""How often a value that means something stands in for a made one; for all other fields, half the time."""

Application = Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]


def _often(name: str) -> float:
    return OFTEN.get(name, 0.5)


_SEMANTIC = ["402", "409", "422", "423"]
_CHECKS: dict[str, Any] = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404", *_SEMANTIC]},
    "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "413", "415", *_SEMANTIC]},
    **{name: {"enabled": True} for name in OURS},
}
_SESSION_OPTIONS = ("max_redirects", "verify", "cert", "proxies")
_send = WSGI_TRANSPORT.send


def _send_in_process(case: Case, **options: Any) -> Response:
    """Probes of `ignored_auth` bring options of a network session, which werkzeug's client does not know."""
    response = _send(case, **{name: given for name, given in options.items() if name not in _SESSION_OPTIONS})
    running.count(case.operation.label, response.status_code)
    return response


_settings = ProjectConfig.get_hypothesis_settings


def _settings_without_targets(config: ProjectConfig, **options: Any) -> hypothesis.settings:
    """Hypothesis climbing towards accepted requests costs more than the requests."""
    chosen = _settings(config, **options)
    return hypothesis.settings(
        chosen, phases=[phase for phase in chosen.phases if phase is not hypothesis.Phase.target]
    )


WSGI_TRANSPORT.send = _send_in_process  # type: ignore[method-assign]
ProjectConfig.get_hypothesis_settings = _settings_without_targets  # type: ignore[method-assign]


@dataclass(frozen=True)
class Unexpected:
    """An answer that should not have been."""

    role: str
    phase: str
    operation: str
    check: str
    message: str
    repeat: str

    def __str__(self) -> str:
        return f"UNEXPECTED as {self.role} in {self.phase}: {self.operation} ({self.check})\n{self.message}\n\n{self.repeat}"


@dataclass
class Running:
    """What the run under way has seen: `statuses` by role, operation and status."""

    town: Town | None = None
    chance: Random = field(default_factory=Random)
    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def count(self, operation: str, status: int) -> None:
        self.statuses[asking.role, operation, status] += 1

    @property
    def cases(self) -> int:
        return self.statuses.total()


running = Running()


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Half the time, ask about what exists: an id nobody has teaches little."""
    town, chance = running.town, running.chance
    if town is None or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for container in (case.path_parameters, case.query, case.headers):
        for name in list(container or ()):
            container[name] = town.replace(container[name], name, chance, _often(name))
    if isinstance(case.body, dict):
        case.body = {
            name: town.replace(value, f"body.{name}" if f"body.{name}" in town.known else name, chance, _often(name))
            for name, value in case.body.items()
        }


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Remember the ids of answers, and the PIN that was accepted."""
    if running.town is None or not 200 <= response.status_code < 300:
        return
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        running.town.learn(response.json(), "")
    if isinstance(case.body, dict) and isinstance(case.body.get("pin"), str) and b"has_pin" in response.content:
        running.town.known["pin"] = running.town.known["old_pin"] = [case.body["pin"]]


@contextmanager
def without_throttles() -> Iterator[Application]:
    """The application as it is, but for how fast one may ask."""
    endless = 10**9
    unhurried = settings.ENV.model_copy(
        update={
            "THROTTLE_MONEY_PER_MINUTE": endless,
            "THROTTLE_MONEY_BURST": endless,
            "THROTTLE_NAMES_PER_MINUTE": endless,
            "THROTTLE_NAMES_PER_ESTATE": endless,
            "THROTTLE_ADDRESS_PER_MINUTE": endless,
            "UTILITY_PURCHASES_PER_MINUTE": 10**6,
            "UTILITY_VALIDATIONS_PER_MINUTE": 10**6,
        }
    )
    logger, level = logging.getLogger("clustr.access"), logging.getLogger("clustr.access").level
    with override_settings(ENV=unhurried):
        logger.setLevel("ERROR")
        try:
            yield _to_the_end(WSGIHandler())
        finally:
            logger.setLevel(level)


def _to_the_end(application: Any) -> Application:
    """As servers do and test clients do not: read every answer whole and close it, which gives the connection back."""

    def served(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        answer = application(environ, start)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return served


def ask(
    application: Application,
    role: str,
    *,
    seed: int,
    examples: int,
    phases: Sequence[str] = PHASES,
    only: Callable[[str], bool] = lambda _path: True,
    stop: Callable[[], bool] = lambda: False,
) -> list[Unexpected]:
    """Ask as one role in a new town, and prove its books. Answers the unexpected ones; ends with the first."""
    town = Town()
    headers = town.headers_of(role)
    asking.role, running.town, running.chance = role, town, Random(seed)
    schema = schemathesis.openapi.from_wsgi(
        DOCUMENT, application, config=_config(headers, seed=seed, examples=examples, phases=phases)
    )
    chosen: BaseSchema = schema.include(func=lambda context: only(context.operation.path))
    found: list[Unexpected] = []
    stream = from_schema(chosen).execute()
    for event in stream:
        found += _unexpected(role, event)
        if found or stop():
            stream.stop()
    running.town = None
    prove(town.cast)
    return found


def _config(headers: dict[str, str], *, seed: int, examples: int, phases: Sequence[str]) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "max-failures": 1,
            "headers": headers,
            "generation": {"max-examples": examples, "database": ":memory:", "no-shrink": True},
            "checks": _CHECKS,
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
        }
    )


def _unexpected(role: str, event: Any) -> Iterator[Unexpected]:
    if isinstance(event, events.ScenarioFinished):
        for checks in event.recorder.checks.values():
            for check in checks:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    yield Unexpected(
                        role,
                        event.phase.value,
                        failure.operation or "",
                        check.name,
                        f"{failure.title}\n{failure.message}",
                        check.failure_info.code_sample,
                    )
    elif isinstance(event, events.NonFatalError):
        yield Unexpected(role, event.phase.value, event.label, "error", str(event.info), "")
    elif isinstance(event, events.FatalError):
        yield Unexpected(role, "", "", "error", repr(event.exception), "")
