"""Wallet payments while residents also begin payments with two providers: both answering, and one of them hanging."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import cycle, islice
from uuid import UUID

from bench import databases, town, web
from bench.estates import Estate
from bench.floors import HUGE
from bench.history import acknowledge, issue
from bench.load import Outcome
from bench.paced import Stream, send_paced
from bench.providers import Providers, providers_running
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.kit import clock
from clustr.kit.invariants import violations

_PAY, _DEPOSIT = "/members/bills/pay_bill/", "/members/wallet/deposit/"
_DEPOSITS_PER_SECOND = 2
"""With each provider. What hangs is held for as long as a person is made to wait, so that this is more than enough to
fill every place a server has for it."""
_CONNECTIONS = 64
_MOST_TURNS = 2


def measure(size: Size) -> Sequence[Line]:
    """Turn and turn about, because machines are never quite the same twice."""
    database, estate = town.payers(size)
    with databases.scratch(database) as name, providers_running() as providers:
        levy = issue(estate, minor=HUGE, at=clock.now())
        acknowledge(estate, levy, "true", clock.now())
        patience = {"PROVIDER_TIMEOUT_SECONDS": str(size.hang_seconds)}
        with web.serving(name, environ=providers.environ | patience) as server:
            tokens = web.tokens_for(estate, range(1, min(size.wallets, 500) + 1))
            turn = _Turn(server.port, size, list(tokens.values()), levy)
            turn.take()  # to warm up
            answering, hanging = [], []
            for _ in range(min(size.rounds, _MOST_TURNS)):
                answering.append(turn.take())
                with _hanging(providers):
                    hanging.append(turn.take())
        return _lines(size, estate, answering, hanging)


class _hanging:  # noqa: N801 - reads as what happens within
    """Within, Paystack takes every request and answers none."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def __enter__(self) -> None:
        self._providers.dial(paystack__any__timeout_before=1.0)

    def __exit__(self, *_: object) -> None:
        self._providers.heal()


class _Turn:
    """Payments from wallets and deposits beside them, for so many seconds."""

    def __init__(self, port: int, size: Size, tokens: Sequence[str], levy: UUID) -> None:
        self._port, self._size, self._tokens = port, size, cycle(tokens)
        self._body = {"bill_id": str(levy), "amount": "1.00"}

    def take(self) -> tuple[Outcome, dict[str, Outcome]]:
        """What became of the payments, and of the deposits with each provider."""
        wallets = self._stream(_PAY, self._body, self._size.paced_per_second)
        deposits = {
            provider: self._stream(_DEPOSIT, {"amount": "1000.00", "provider": provider}, _DEPOSITS_PER_SECOND)
            for provider in ("paystack", "flutterwave")
        }
        send_paced(self._port, [wallets, *deposits.values()])
        return wallets.outcome, {provider: stream.outcome for provider, stream in deposits.items()}

    def _stream(self, path: str, body: dict[str, str], per_second: float) -> Stream:
        wanted = max(1, int(per_second * self._size.hanging_seconds))
        requests = [web.post(token, path, body) for token in islice(self._tokens, wanted)]
        return Stream(requests, per_second, min(_CONNECTIONS, wanted))


_Taken = tuple[Outcome, dict[str, Outcome]]


def _lines(size: Size, estate: Estate, answering: Sequence[_Taken], hanging: Sequence[_Taken]) -> list[Line]:
    payments = [wallets for wallets, _ in [*answering, *hanging]]
    failures = sum(outcome.failures(201) for outcome in payments)
    broken = [violation.invariant.name for violation in violations(cluster_id=estate.cluster_id)]
    lines = [Line("wallet payments in all turns: errors", str(failures), "0", failures == 0)]
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        before, during = (_quantile(taken, share) for taken in (answering, hanging))
        change = 100 * (during / before - 1) if before else 0.0
        what = f"wallet payments at {size.paced_per_second}/s: {name}, change while a provider hangs"
        detail = f"{before:.1f} ms, then {during:.1f} ms"
        bar = name == "p99"
        lines.append(at_most(what, change, 10, " %", detail) if bar else Line(what, f"{change:.2f} % ({detail})"))
    lines += [Line(f"deposits with {provider} meanwhile", _said(hanging, provider)) for provider in answering[0][1]]
    return [
        *lines,
        Line("books proved afterwards", ", ".join(broken) or "every invariant holds", "all hold", not broken),
    ]


def _quantile(taken: Sequence[_Taken], share: float) -> float:
    """The middle of the turns, in milliseconds."""
    return statistics.median(outcome.quantile_ms(share) for outcome, _ in taken)


def _said(taken: Sequence[_Taken], provider: str) -> str:
    outcomes = [deposits[provider] for _, deposits in taken]
    statuses = sorted({status for outcome in outcomes for status in outcome.statuses})
    counts = ", ".join(f"{sum(one.statuses[status] for one in outcomes)} x {status}" for status in statuses)
    return f"{counts} (p50 {statistics.median(one.quantile_ms(0.5) for one in outcomes):,.0f} ms)"
