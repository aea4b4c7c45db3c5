"""Every way in which money comes from outside or goes there, ready to be interrupted: one act, and what it is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.types import BillType
from clustr.kit.errors import Refusal
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.queries import due_attempts, my_methods, open_refunds_of
from clustr.payments.refusals import ProviderWouldNot, RefundExceedsPayment
from clustr.payments.states import Purpose
from clustr.recurring.types import PaymentSource
from clustr.settlement import commands
from clustr.settlement.commands.asking import confirm_charge
from clustr.settlement.types import Checkout, RequestKey, SavedCard
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from sandbox.hooks import Delivery
from sandbox.records import Charge
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.recurring.acts import cancel, order_of, process, runs
from tests.settlement.stage import Stage
from tests.settlement.test_limbo import refusal
from tests.settlement.test_payouts import AFTER_COOLING, BANK
from tests.wallets.test_suspense import set_aside

Act = Callable[[], object]
_ENDED = ("completed", "failed", "refunded", "cancelled")


def nothing() -> None:
    """Nobody does anything more."""


@dataclass(frozen=True)
class Ready:
    """`act` is about to be done, and may be interrupted; `again` is what whoever asked for it does after a restart,
    `after` ends what the providers were told to do."""

    act: Act
    about: UUID | None = None
    again: Act = nothing
    after: Act = nothing


def start_deposit(stage: Stage) -> Ready:
    key = RequestKey(new_id(), b"input")
    return _start(stage, lambda: stage.deposit(stage.cast.bola, "100.00", request=key))


def start_bill_payment(stage: Stage) -> Ready:
    bola, key = stage.cast.bola, RequestKey(new_id(), b"input")
    bill = issue(stage.cast, "100.00")
    acknowledge(stage.cast, bola, bill)

    def start() -> Checkout:
        prepared = commands.prepare_bill_payment(
            actor=bola.actor,
            bill_id=bill.id,
            amount=None,
            provider="flutterwave",
            callback_url="",
            request=key,
            now=stage.now,
        )
        return commands.open_checkout(actor=bola.actor, prepared=prepared, now=stage.now)

    return _start(stage, start)


def _start(stage: Stage, start: Callable[[], Checkout]) -> Ready:
    def again() -> None:
        """The payer's program asks with its key until it hears an address, and they pay."""
        for _ in range(8):
            stage.wait(minutes=6)
            try:
                checkout = start()
            except Refusal:
                stage.sweep()
                continue
            stage.end(checkout)
            stage.confirm(checkout)
            return
        raise AssertionError("a payer could not pay for the better part of an hour")

    return Ready(start, again=again)


def start_refused(stage: Stage) -> Ready:
    ready = start_deposit(stage)
    taken = _refusing(stage, "/transaction/initialize")

    def act() -> None:
        with suppress(ProviderWouldNot):
            ready.act()

    def again() -> None:
        taken()
        ready.again()

    return Ready(act, again=again)


def _refusing(stage: Stage, address: str) -> Callable[[], None]:
    """Have the provider refuse what is posted there, until what this answers is called."""
    healthy = stage._answer

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(address):
            return refusal("Your account cannot do this")
        return healthy(request)

    stage._answer = answer  # type: ignore[method-assign]

    def taken() -> None:
        stage._answer = healthy  # type: ignore[method-assign]

    return taken


def start_unheard(stage: Stage) -> Ready:
    ready = start_deposit(stage)

    def act() -> None:
        stage.dial(charge__reset_after=1.0)
        try:
            ready.act()
        except Refusal:
            pass
        finally:
            stage.heal()

    return Ready(act, again=ready.again)


def _paid(stage: Stage, outcome: str = "success", provider: str = "paystack") -> Ready:
    checkout = stage.deposit(stage.cast.bola, "100.00", provider)
    stage.end(checkout, outcome)
    return _confirmed(stage, checkout)


def _confirmed(stage: Stage, checkout: Checkout) -> Ready:
    return Ready(lambda: stage.confirm(checkout), about=checkout.transaction.id)


def confirm_success(stage: Stage) -> Ready:
    return _paid(stage)


def confirm_decline(stage: Stage) -> Ready:
    return _paid(stage, "insufficient_funds", "flutterwave")


def confirm_surplus(stage: Stage) -> Ready:
    return _paid(stage, "too_much")


def confirm_less(stage: Stage) -> Ready:
    return _paid(stage, "partly", "flutterwave")


def confirm_reversed(stage: Stage) -> Ready:
    """The payer's bank took it back before we heard that it had come: the provider's fee is all that stays."""
    checkout, _ = _reversed(stage)
    return _confirmed(stage, checkout)


def fee_of_reversed(stage: Stage) -> Ready:
    """The same of a charge that was asked about by its own number."""
    checkout, charge = _reversed(stage)

    def ask() -> None:
        confirm_charge(
            cluster_id=stage.cast.cluster_id,
            transaction_id=checkout.transaction.id,
            provider_id=str(charge.id),
            now=stage.now,
        )

    return Ready(ask, again=ask, after=lambda: stage.confirm(checkout))


def _reversed(stage: Stage) -> tuple[Checkout, Charge]:
    checkout = stage.deposit(stage.cast.bola)
    stage.end(checkout)
    by_reference = {charge.reference: charge for charge in stage.sandbox.world.store.all(Charge)}
    charge = by_reference[checkout.transaction.reference.lower()]
    charge.status = "reversed"
    return checkout, charge


def confirm_unheard(stage: Stage) -> Ready:
    ready = _paid(stage)

    def act() -> None:
        stage.dial(verify__timeout_after=1.0)
        try:
            ready.act()
        finally:
            stage.heal()

    return Ready(act, about=ready.about)


def _bill_paid(stage: Stage, *, changed: bool) -> Ready:
    bill = issue(stage.cast, "100.00")
    acknowledge(stage.cast, stage.cast.bola, bill)
    checkout = stage.pay_bill(stage.cast.bola, bill.id)
    if changed:
        changes = BillChanges(amount=naira("90.00"))
        bills.edit_bill(actor=stage.cast.ada.actor, bill_id=bill.id, changes=changes, now=stage.now)
    stage.end(checkout)
    return _confirmed(stage, checkout)


def confirm_bill(stage: Stage) -> Ready:
    return _bill_paid(stage, changed=False)


def confirm_changed_bill(stage: Stage) -> Ready:
    return _bill_paid(stage, changed=True)


def notice(stage: Stage) -> Ready:
    """A webhook, from its bytes to the wallet; delivered again where it was not answered."""
    checkout = stage.deposit(stage.cast.bola, "100.00", "flutterwave")
    stage.end(checkout)
    reference = checkout.transaction.reference.lower().encode()
    delivery: Delivery = next(due for due in stage.sandbox.due_webhooks() if reference in due.body)
    return Ready(lambda: stage.take(delivery), about=checkout.transaction.id, again=lambda: stage.take(delivery))


def _payout(stage: Stage) -> UUID:
    fund(stage.cast, stage.cast.bola, "40.00")
    made = wallets.withdraw(
        actor=stage.cast.bola.actor,
        amount=naira("40.00"),
        destination=BANK,
        authorization=no_pin(stage.cast.bola),
        now=stage.now,
    )
    stage.wait(**AFTER_COOLING)
    return made.id


def send_payout(stage: Stage) -> Ready:
    payout = _payout(stage)
    return Ready(lambda: stage.send(payout), about=payout)


def send_payout_refused(stage: Stage) -> Ready:
    payout = _payout(stage)
    healthy = _refusing(stage, "/transfer")

    return Ready(lambda: stage.send(payout), about=payout, after=healthy)


def send_payout_unheard(stage: Stage) -> Ready:
    payout = _payout(stage)

    def act() -> None:
        stage.dial(transfer__timeout_after=1.0)
        try:
            stage.send(payout)
        finally:
            stage.heal()

    return Ready(act, about=payout)


def send_payout_again(stage: Stage) -> Ready:
    payout = _payout(stage)
    stage.dial(transfer__timeout_before=1.0)
    stage.send(payout)
    stage.heal()
    for _ in range(2):
        stage.wait(minutes=10)
        stage.confirm(payout)
    stage.wait(minutes=10)
    return Ready(lambda: stage.confirm(payout), about=payout)


def _sent(stage: Stage, **dials: float) -> UUID:
    stage.dial(**dials)
    payout = _payout(stage)
    stage.send(payout)
    stage.heal()
    stage.wait(minutes=1)
    return payout


def payout_arrived(stage: Stage) -> Ready:
    payout = _sent(stage)
    return Ready(lambda: stage.confirm(payout), about=payout)


def payout_failed(stage: Stage) -> Ready:
    payout = _sent(stage, transfer__failed=1.0)
    return Ready(lambda: stage.confirm(payout), about=payout)


def payout_bounced(stage: Stage) -> Ready:
    payout = _sent(stage)
    stage.confirm(payout)
    reference = stage.attempt(payout).reference
    (found,) = (row for row in stage._control("GET", "/state")["transfer"] if row["reference"] == reference)
    stage._control("POST", f"/transfer/{found['id']}", {"status": "reversed"})
    return Ready(lambda: stage.confirm(payout), about=payout, again=lambda: stage.wait(days=1))


def charge_fees(stage: Stage) -> Ready:
    ready = confirm_success(stage)
    ready.act()
    return Ready(stage.charge_fees, again=stage.charge_fees)


def receipt(stage: Stage) -> Ready:
    ready = confirm_success(stage)
    ready.act()
    id = ready.about
    assert id is not None

    def ask() -> None:
        commands.issue_receipt(actor=stage.cast.bola.actor, transaction_id=id, now=stage.now)

    return Ready(ask, again=ask)


def reconcile(stage: Stage) -> Ready:
    checkout = stage.deposit(stage.cast.bola, "100.00")
    stage.end(checkout)
    began = stage.now

    def run() -> None:
        commands.reconcile(since=began - timedelta(hours=1), until=stage.now + timedelta(seconds=1), now=stage.now)

    return Ready(run, about=checkout.transaction.id, again=run)


def _paid_bill(stage: Stage) -> UUID:
    bill = issue(stage.cast, "100.00")
    acknowledge(stage.cast, stage.cast.bola, bill)
    checkout = stage.pay_bill(stage.cast.bola, bill.id)
    stage.end(checkout)
    stage.confirm(checkout)
    return checkout.transaction.id


def _ask_back(stage: Stage, payment: UUID) -> UUID:
    made = commands.refund_to_source(
        actor=stage.cast.ada.actor, transaction_id=payment, amount=naira("60.00"), reason="Twice", now=stage.now
    )
    return made.id


def refund_start(stage: Stage) -> Ready:
    """The office asks; it looks whether the refund is there before it asks again."""
    payment = _paid_bill(stage)

    def again() -> None:
        known = open_refunds_of(cluster_id=stage.cast.cluster_id, transaction_id=payment)
        _go_on(stage, known[0] if known else _ask_back(stage, payment))

    return Ready(lambda: _ask_back(stage, payment), again=again)


def refund_send(stage: Stage) -> Ready:
    refund = _ask_back(stage, _paid_bill(stage))
    return Ready(lambda: stage.confirm(refund), about=refund)


def refund_refused(stage: Stage) -> Ready:
    refund = _ask_back(stage, _paid_bill(stage))
    healthy = _refusing(stage, "/refund")
    return Ready(lambda: stage.confirm(refund), about=refund, after=healthy)


def refund_unheard(stage: Stage) -> Ready:
    refund = _ask_back(stage, _paid_bill(stage))

    def act() -> None:
        stage.dial(refund__timeout_after=1.0)
        try:
            stage.confirm(refund)
        finally:
            stage.heal()

    return Ready(act, about=refund)


def refund_again(stage: Stage) -> Ready:
    refund = _ask_back(stage, _paid_bill(stage))
    stage.dial(refund__timeout_before=1.0)
    stage.confirm(refund)
    stage.heal()
    for _ in range(2):
        stage.wait(minutes=10)
        stage.confirm(refund)
    stage.wait(minutes=10)
    return Ready(lambda: stage.confirm(refund), about=refund)


def refund_not_again(stage: Stage) -> Ready:
    """It never arrived, and its payer's bank has taken the payment meanwhile: its money returns."""
    payment = _paid_bill(stage)
    refund = _ask_back(stage, payment)
    stage.dial(refund__timeout_before=1.0)
    stage.confirm(refund)
    stage.heal()
    _complaint(stage, payment, "auto-accepted")
    for _ in range(2):
        stage.wait(minutes=10)
        stage.confirm(refund)
    stage.wait(minutes=10)
    return Ready(lambda: stage.confirm(refund), about=refund, after=lambda: stage.confirm(payment))


def refund_went(stage: Stage) -> Ready:
    refund = _ask_back(stage, _paid_bill(stage))
    stage.confirm(refund)
    stage.wait(minutes=1)
    return Ready(lambda: stage.confirm(refund), about=refund)


def _complaint(stage: Stage, payment: UUID, resolution: str) -> bytes:
    """What the payer's bank decided, and what the webhook of it can be known by."""
    body = {"provider": "paystack", "reference": stage.attempt(payment).reference}
    dispute = stage._control("POST", "/chargeback", body)["id"]
    stage._control("POST", f"/dispute/{dispute}", {"event": "resolve", "resolution": resolution})
    return stage.attempt(payment).reference.encode()


def chargeback(stage: Stage) -> Ready:
    payment = _paid_bill(stage)
    reference = _complaint(stage, payment, "auto-accepted")
    due = stage.sandbox.due_webhooks()
    delivery = next(one for one in due if reference in one.body and b"dispute.resolve" in one.body)
    return Ready(lambda: stage.take(delivery), again=lambda: stage.take(delivery))


def reversal(stage: Stage) -> Ready:
    payment = _paid_bill(stage)
    _complaint(stage, payment, "auto-accepted")
    return Ready(lambda: stage.confirm(payment), again=lambda: stage.confirm(payment))


def charge_card(stage: Stage) -> Ready:
    """A saved card, by a request with a key: asked again it goes on with what was begun. What the provider never received
    has failed in the end, and its owner tries anew."""
    checkout = stage.deposit(stage.cast.bola, "100.00", save_card=True)
    stage.end(checkout)
    stage.confirm(checkout)
    bola, keys = stage.cast.bola, [RequestKey(new_id(), b"input"), RequestKey(new_id(), b"input")]
    card = my_methods_of(stage)[0]

    def charge(key: RequestKey) -> UUID:
        prepared = commands.prepare_deposit(
            actor=bola.actor,
            amount=naira("100.00"),
            provider="paystack",
            callback_url="",
            request=key,
            card=SavedCard(card, no_pin(bola)),
            now=stage.now,
        )
        return commands.open_checkout(actor=bola.actor, prepared=prepared, now=stage.now).transaction.id

    def again() -> None:
        for key in keys:
            made = charge(key)
            _go_on(stage, made)
            if stage.transaction(made).status == "completed":
                return

    return Ready(lambda: charge(keys[0]), again=again)


def my_methods_of(stage: Stage) -> list[UUID]:
    with tenant(stage.cast.cluster_id):
        return [method.id for method in my_methods(actor=stage.cast.bola.actor)]


def charge_order(stage: Stage) -> Ready:
    """A recurring payment is due, and a saved card pays its member's bill: from the sweep to the bill. What the provider
    never received is tried again by the next sweep but so many hours later."""
    order = _order_by_card(stage)

    def sweep() -> None:
        process(stage.cast, now=stage.now)
        for id in _charges_of(stage, order):
            commands.charge_saved_card(cluster_id=stage.cast.cluster_id, transaction_id=id, now=stage.now)

    def again() -> None:
        for _ in range(3):
            sweep()
            for id in _charges_of(stage, order):
                _go_on(stage, id)
            if runs(stage.cast, order)[-1].state == "completed":
                return
            stage.wait(hours=7)

    return Ready(sweep, again=again, after=lambda: cancel(stage.cast, order))


def order_declined(stage: Stage) -> Ready:
    """The card wanted its owner, and their bank declined: the run fails, and is tried again."""
    order = _order_by_card(stage)
    stage.dial(charge__challenge=1.0)
    process(stage.cast, now=stage.now)
    (charge,) = _charges_of(stage, order)
    commands.charge_saved_card(cluster_id=stage.cast.cluster_id, transaction_id=charge, now=stage.now)
    stage.heal()
    stage.end_reference("paystack", stage.transaction(charge).reference, "insufficient_funds")
    return Ready(lambda: stage.confirm(charge), about=charge, after=lambda: cancel(stage.cast, order))


def _order_by_card(stage: Stage) -> UUID:
    checkout = stage.deposit(stage.cast.bola, "100.00", save_card=True)
    stage.end(checkout)
    stage.confirm(checkout)
    acknowledge(stage.cast, stage.cast.bola, issue(stage.cast, "100.00"))
    card = my_methods_of(stage)[0]
    return order_of(
        stage.cast,
        "150.00",
        start_date=stage.now,
        bill_type=BillType.SERVICE_CHARGE,
        payment_source=PaymentSource.CARD,
        payment_method_id=card,
    )


def _charges_of(stage: Stage, order: UUID) -> list[UUID]:
    """The charges that a recurring payment has asked for."""
    asking = [run.id for run in runs(stage.cast, order)]
    with tenant(stage.cast.cluster_id):
        made = Transaction.objects.filter(subject_id__in=asking, purpose=Purpose.RECURRING_PAYMENT).order_by("id")
        return list(made.values_list("id", flat=True))


def payout_not_sent(stage: Stage) -> Ready:
    """The account could not even be asked about: the next look begins again."""
    fund(stage.cast, stage.cast.bola, "40.00")
    payout = wallets.withdraw(
        actor=stage.cast.bola.actor,
        amount=naira("40.00"),
        destination=Destination("044", "0690000031", ""),
        authorization=no_pin(stage.cast.bola),
        now=stage.now,
    ).id
    stage.wait(**AFTER_COOLING)

    def act() -> None:
        stage.dial(list__timeout_before=1.0)
        try:
            stage.send(payout)
        finally:
            stage.heal()

    return Ready(act, about=payout)


def placing_suspense(stage: Stage) -> Ready:
    waiting = set_aside(stage.cast, "50.00")

    def place() -> None:
        with suppress(RefundExceedsPayment):
            wallets.place_suspense(
                cluster_id=stage.cast.cluster_id,
                transaction_id=waiting.id,
                user_id=stage.cast.bola.user_id,
                amount=None,
                reason="The bank named the sender",
                placed_by=stage.cast.ada.user_id,
                now=stage.now,
            )

    return Ready(place, again=place)


FLOWS: dict[str, Callable[[Stage], Ready]] = {
    made.__name__: made
    for made in (
        *(start_deposit, start_bill_payment, start_refused, start_unheard),
        *(confirm_success, confirm_decline, confirm_surplus, confirm_less, confirm_unheard),
        *(confirm_bill, confirm_changed_bill, confirm_reversed, fee_of_reversed, notice),
        *(send_payout, send_payout_refused, send_payout_unheard, send_payout_again),
        *(payout_arrived, payout_failed, payout_bounced, payout_not_sent, charge_fees, receipt, reconcile),
        *(refund_start, refund_send, refund_refused, refund_unheard, refund_again, refund_not_again, refund_went),
        *(chargeback, reversal, charge_card, charge_order, order_declined, placing_suspense),
    )
}
"""Each flow by name."""

COVERS = {
    *("settlement.prepare", "settlement.started", "settlement.start_failed", "settlement.start_unknown"),
    *("settlement.apply", "settlement.unheard", "settlement.record_payout", "settlement.apply_payout"),
    *("settlement.payout_refused", "settlement.payout_unknown", "settlement.receipt"),
    *("settlement.payout_not_sent", "settlement.refund", "settlement.record_refund", "settlement.apply_refund"),
    *("settlement.refund_refused", "settlement.refund_unknown", "settlement.refund_not_again"),
    *("settlement.record_charge",),
    *("settlement.dispute", "settlement.taken_back", "settlement.apply_fee"),
    *("payments.receive_notice", "wallets.charge_fees", "wallets.place_suspense"),
}
"""The transactions of settlement that these flows pass, each by the name of its crash points."""

BETWEEN = {
    *("settlement.start.recorded", "settlement.start.answered", "settlement.confirm.answered"),
    *("settlement.confirm_charge.answered", "settlement.notice.acted"),
    *("settlement.payout.recorded", "settlement.payout.answered", "settlement.payout.again"),
    *("settlement.refund.recorded", "settlement.refund.answered", "settlement.refund.again"),
    *("settlement.charge.recorded", "settlement.charge.answered"),
    *("settlement.dispute.answered", "settlement.taken_back.answered"),
}
"""The places between transactions, while the outside world is asked."""


def heal(stage: Stage, ready: Ready) -> None:
    """What happens by itself after a restart: payouts that wait are sent, and whatever is due is asked about."""
    ready.again()
    if ready.about is not None:
        _go_on(stage, ready.about)
    ready.after()


def _go_on(stage: Stage, about: UUID) -> None:
    for minutes in (11, 11, 11, 61, 61, 61, 61):  # as long as it takes to hear three times that it is not there
        stage.wait(minutes=minutes)
        status = stage.transaction(about).status
        if status == "pending":
            stage.send(about)
        if about in {place.transaction_id for place in due_attempts(now=stage.now, limit=100_000)}:
            stage.confirm(about)
        elif status in _ENDED:
            return
