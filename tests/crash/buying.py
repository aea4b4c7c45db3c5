"""Every way in which a utility is bought, ready to be interrupted: one act, and the purchase it is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from uuid import UUID

from clustr.payments.queries import due_attempts
from clustr.utilities import commands
from clustr.utilities.refusals import PurchaseNotOpen, PurchaseUnderWay, QuoteUsed
from tests.crash.settling import Ready, nothing
from tests.money import fund
from tests.utilities.counter import PREPAID, Counter

_meters = count(10_000_000_001)
_ENDED = ("completed", "failed")


def _meter() -> str:
    return str(next(_meters))


def buy(counter: Counter) -> Ready:
    """A confirmed quote; whoever does not hear confirms it again."""
    bola, meter = counter.cast.bola, _meter()
    fund(counter.cast, bola, "700.00")
    counter.validate(bola, meter)
    quote = commands.quote_utility(actor=bola.actor, wanted=counter.wanted("600.00", meter), now=counter.now)
    wanted, made = counter.wanted("600.00", meter, quote_id=quote.id), list[UUID]()

    def confirm() -> None:
        with suppress(QuoteUsed, PurchaseUnderWay):
            made.append(counter.confirm_quote(bola, wanted).id)

    def again() -> None:
        confirm()
        for id in counter.undecided():
            counter.vend(id)

    return Ready(confirm, again=again)


def _bought(counter: Counter) -> UUID:
    fund(counter.cast, counter.cast.bola, "700.00")
    return counter.buy(counter.cast.bola, "600.00", _meter()).id


def vend(counter: Counter) -> Ready:
    id = _bought(counter)
    return Ready(lambda: counter.vend(id), about=id)


def _vended(counter: Counter, act: str, **dials: float) -> Ready:
    id = _bought(counter)

    def vend() -> None:
        counter.dial(**dials)
        try:
            counter.vend(id)
        finally:
            counter.heal()

    return Ready(vend, about=id)


def vend_unheard(counter: Counter) -> Ready:
    return _vended(counter, "vend", bill__timeout_after=1)


def vend_refused(counter: Counter) -> Ready:
    """Refused for good: the meter is nobody's by now."""
    id = _bought(counter)
    healthy = counter._answer

    def vend() -> None:
        counter.vend(id)

    counter.refuse_purchases()

    def after() -> None:
        counter._answer = healthy  # type: ignore[method-assign]

    return Ready(vend, about=id, after=after)


def vend_unsent(counter: Counter) -> Ready:
    id = _bought(counter)
    healthy = counter._answer

    def vend() -> None:
        counter.cut_off()
        try:
            counter.vend(id)
        finally:
            counter._answer = healthy  # type: ignore[method-assign]

    return Ready(vend, about=id)


def vend_again(counter: Counter) -> Ready:
    id = _bought(counter)
    counter.dial(bill__timeout_before=1)
    counter.vend(id)
    counter.heal()
    for _ in range(2):
        counter.wait(minutes=10)
        counter.ask(id)
    counter.wait(minutes=10)
    return Ready(lambda: counter.ask(id), about=id)


def _waiting(counter: Counter, **dials: float) -> Ready:
    id = _bought(counter)
    counter.dial(**dials)
    counter.vend(id)
    counter.heal()
    counter.wait(minutes=3)
    return Ready(lambda: counter.ask(id), about=id)


def confirm_sold(counter: Counter) -> Ready:
    return _waiting(counter, bill__pending=1)


def confirm_late_token(counter: Counter) -> Ready:
    return _waiting(counter, bill__late_token=1)


def confirm_failed(counter: Counter) -> Ready:
    return _waiting(counter, bill__failed=1)


def validate(counter: Counter) -> Ready:
    meter = _meter()
    return Ready(
        lambda: counter.validate(counter.cast.bola, meter), again=lambda: counter.validate(counter.cast.bola, meter)
    )


def validate_nobody(counter: Counter) -> Ready:
    from clustr.utilities.refusals import MeterNotFound

    meter = f"{next(_meters) % 10_000_000:07d}0000"

    def ask() -> None:
        with suppress(MeterNotFound):
            counter.validate(counter.cast.bola, meter)

    return Ready(ask, again=ask)


def save_and_remove(counter: Counter) -> Ready:
    bola, meter = counter.cast.bola, _meter()
    counter.validate(bola, meter)
    provider = counter.provider(PREPAID).id

    def both() -> None:
        saved = commands.save_account(
            actor=bola.actor, provider_id=provider, customer_id=meter, label="Flat", now=counter.now
        )
        commands.remove_account(actor=bola.actor, account_id=saved.id, now=counter.now)
        counter.validate(bola, meter)

    return Ready(both, again=both)


def blocked(counter: Counter) -> Ready:
    from clustr.utilities.refusals import UtilityAccountCooling

    bola, meter = counter.cast.bola, _meter()
    counter.validate(bola, meter)
    wanted = counter.wanted("60000.00", meter)

    def attempt() -> None:
        with suppress(UtilityAccountCooling):
            commands.screen_purchase(actor=bola.actor, wanted=wanted, pin=None, now=counter.now)

    return Ready(attempt, again=nothing)


def resend(counter: Counter) -> Ready:
    id = _bought(counter)
    counter.vend(id)

    def ask() -> None:
        commands.resend_token(actor=counter.cast.bola.actor, purchase_id=id, now=counter.now)

    return Ready(ask, again=ask)


def _given_a_used_token(counter: Counter) -> UUID:
    """A purchase whose service says that it is sold, and goes on giving the token of another for the same number."""
    meter, bola = _meter(), counter.cast.bola
    fund(counter.cast, bola, "1400.00")
    first = counter.vend(counter.buy(bola, "600.00", meter))
    counter.wait(minutes=3)
    counter.dial(bill__pending=1)
    second = counter.buy(bola, "550.00", meter).id
    counter.vend(second)
    counter.heal()
    vend = counter.vends()[-1]
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": first.token})
    counter.ask(second)
    return second


def _ended(counter: Counter, token: str | None) -> Ready:
    id = _given_a_used_token(counter)

    def end() -> None:
        with suppress(PurchaseNotOpen):
            commands.end_purchase(
                cluster_id=counter.cast.cluster_id,
                purchase_id=id,
                token=token,
                reason="The utility was asked",
                ended_by=counter.cast.ada.user_id,
                now=counter.now,
            )

    return Ready(end, again=end)


def end_sold(counter: Counter) -> Ready:
    return _ended(counter, "6666-7777-8888-9999-0000")


def end_released(counter: Counter) -> Ready:
    return _ended(counter, None)


def sync(counter: Counter) -> Ready:
    def read() -> None:
        commands.sync_utility_providers(now=counter.now)

    return Ready(read, again=read)


FLOWS: dict[str, Callable[[Counter], Ready]] = {
    made.__name__: made
    for made in (
        *(buy, vend, vend_unheard, vend_refused, vend_unsent, vend_again),
        *(confirm_sold, confirm_late_token, confirm_failed),
        *(validate, validate_nobody, save_and_remove, blocked, resend, sync, end_sold, end_released),
    )
}
"""Each flow by name."""

UTILITIES_COVER = {
    *("utilities.buy", "utilities.screen", "utilities.quote", "utilities.record_vend", "utilities.apply"),
    *("utilities.refused", "utilities.unheard", "utilities.unsent", "utilities.prepare_validation"),
    *("utilities.validated", "utilities.validation_refused", "utilities.save_account", "utilities.remove_account"),
    *("utilities.blocked", "utilities.resend_token", "utilities.sync", "utilities.end_purchase"),
}
"""The transactions of utilities that these flows pass, each by the name of its crash points."""

BETWEEN = {
    *("utilities.vend.recorded", "utilities.vend.answered", "utilities.vend.refused", "utilities.vend.again"),
    *("utilities.confirm.answered", "utilities.validate.recorded", "utilities.validate.answered"),
}
"""The places between transactions, while a service is asked."""


def heal(counter: Counter, ready: Ready) -> None:
    """What happens by itself after a restart: the worker sells what waits, and asks about what is due."""
    ready.again()
    if ready.about is not None:
        for minutes in (1, 11, 11, 11, 61, 61, 61, 61):
            counter.wait(minutes=minutes)
            if counter.view(ready.about).status in _ENDED:
                break
            if ready.about in {place.transaction_id for place in due_attempts(now=counter.now, limit=100_000)}:
                counter.ask(ready.about)
    ready.after()
