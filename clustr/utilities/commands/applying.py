"""What a service says about a purchase becomes a state and, once, money that is spent or back in the wallet.

Only a definite no gives it back. Whatever is not known holds it, and is asked about again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.kit.vault import unseal
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Exchange, Transaction
from clustr.payments.providers.nouns import NotFoundYet, Outcome
from clustr.payments.queries import stands_since
from clustr.payments.schedule import ASK_A_PERSON_AFTER, FEWEST_MISSES, UNSENT_AFTER, next_check
from clustr.payments.states import CaseKind, TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.utilities.commands.ending import release_purchase, settle_purchase
from clustr.utilities.commands.returning import return_purchase
from clustr.utilities.commands.tokens import is_given_out, keep_details, keep_late_token
from clustr.utilities.models import Account, Purchase, UtilityProvider
from clustr.utilities.notices import tell_of_delay
from clustr.utilities.policies import is_same_token, may_give_token, number_place
from clustr.utilities.queries import OPEN, token_of
from clustr.utilities.vendors.interface import PurchaseTruth

WATCHED_FOR = timedelta(days=7)
"""How long what was decided is still looked at, from then on: a service may take it back, or sell after all."""
TOKEN_AWAITED_FOR = timedelta(days=1)
"""How long a token that may still follow a delivery is asked for soon, and not daily."""
DELAYED_AFTER = timedelta(minutes=5)
"""From when on a purchase that is not decided is told to be delayed."""
GIVE_UP_UNSENT = timedelta(minutes=30)
"""How long a purchase that nobody could be asked for waits, before it is certain enough that nobody will be."""


def apply_purchase_truth(
    *, actor: Actor, purchase_id: UUID, truth: PurchaseTruth | NotFoundYet, act: str, now: datetime
) -> bool:
    """Act on what a service said about a purchase. Answers whether it is to be sent again: certain enough that it was never
    received, and nobody else is about to. That it is sent is noted under the lock, so that of many only one sends."""
    with tenant(actor.cluster_id), crash_points("utilities.apply"):
        locked, attempt, purchase = lock_purchase(purchase_id=purchase_id)
        if isinstance(truth, NotFoundYet):
            _note(locked, act, "not_found", {}, now)
            return _apply_not_found(actor, locked, attempt, purchase, now)
        _note(locked, act, truth.outcome.value, dict(truth.record), now)
        wrong = _what_differs(purchase, attempt, truth)
        if wrong:
            _open_case(locked, CaseKind.DOES_NOT_MATCH, {"wrong": wrong}, now)
            _leave_unknown(locked, now)
            schedule(locked, attempt, now)
        else:
            _apply_outcome(actor, locked, attempt, purchase, truth, now)
    return False


def lock_purchase(*, purchase_id: UUID) -> tuple[Transaction, Attempt, Purchase]:
    """A purchase with its transaction and attempt, locked in the house's order: its bill's part before the transaction."""
    peeked = Purchase.objects.get(id=purchase_id)
    bills.lock_utility_bill(bill_id=peeked.bill_id, user_id=peeked.user_id)
    locked = payments.lock_transaction(transaction_id=purchase_id)
    attempt = Attempt.objects.get(cluster_id=locked.cluster_id, id=purchase_id)
    peeked.refresh_from_db()
    return locked, attempt, peeked


def apply_refusal(
    *, actor: Actor, purchase_id: UUID, sent_at: datetime | None, type: PaymentErrorType, now: datetime
) -> None:
    """The service read the request and refused it: nothing was sold, and the money returns. Only not if it was sent before,
    or by others since: then the refusal is of the repeat, perhaps because the first was heard, and the service is asked on.
    `sent_at`: the instant under which it was noted that it would be sent for the first time; None for a repeat."""
    with tenant(actor.cluster_id), crash_points("utilities.refused"):
        locked, attempt, purchase = lock_purchase(purchase_id=purchase_id)
        _note(locked, "purchase", "refused", {"type": type.value}, now)
        if locked.status not in OPEN:
            return
        if attempt.sent_at != sent_at:
            _leave_unknown(locked, now)
            schedule(locked, attempt, now)
            return
        release_purchase(actor=actor, transaction=locked, purchase=purchase, type=type, now=now)
        schedule(locked, attempt, now)


def apply_silence(*, actor: Actor, purchase_id: UUID, act: str, why: str, now: datetime) -> None:
    """No answer: it is not known. The money stays held; ask again later, and after a day a person too."""
    with tenant(actor.cluster_id), crash_points("utilities.unheard"):
        locked, attempt, purchase = lock_purchase(purchase_id=purchase_id)
        _note(locked, act, "not_heard", {"why": why}, now)
        _leave_unknown(locked, now)
        _wait_for(locked, purchase, PaymentErrorType.VENDOR_PENDING)
        schedule(locked, attempt, now)


def apply_unsent(*, actor: Actor, purchase_id: UUID, sent_at: datetime | None, why: str, now: datetime) -> None:
    """No byte of it left this machine: nothing happened, which is known. It is tried again, and given up after a while.
    `sent_at`: the instant under which it was noted that it would be sent; None where it was not."""
    with tenant(actor.cluster_id), crash_points("utilities.unsent"):
        locked, attempt, purchase = lock_purchase(purchase_id=purchase_id)
        _note(locked, "purchase", "not_sent", {"why": why}, now)
        unsent = attempt.sent_at is None
        if sent_at is not None:
            unsent |= payments.unsend_attempt(transaction_id=locked.id, sent_at=sent_at)
        if locked.status in OPEN and unsent and now - attempt.started_at >= GIVE_UP_UNSENT:
            release_purchase(
                actor=actor,
                transaction=locked,
                purchase=purchase,
                type=PaymentErrorType.VENDOR_UNAVAILABLE,
                now=now,
            )
            payments.end_checks(transaction_id=locked.id)
            return
        _wait_for(locked, purchase, PaymentErrorType.VENDOR_UNAVAILABLE)
        schedule(locked, attempt, now)


def schedule(locked: Transaction, attempt: Attempt, now: datetime, *, missed: bool = False) -> None:
    """Ask again; for a week also after it was decided, and soon while more may follow what was delivered."""
    soon = next_check(
        started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
    )
    again: datetime | None = soon
    if locked.status in OPEN:
        if now - attempt.started_at >= DELAYED_AFTER:
            tell_of_delay(transaction=locked, purchase_id=locked.id, now=now)
        if now - attempt.started_at >= ASK_A_PERSON_AFTER:
            _open_case(locked, CaseKind.UNKNOWN_TOO_LONG, {"reference": attempt.reference}, now)
    elif now - attempt.started_at >= TOKEN_AWAITED_FOR or not _may_bring_more(locked, now):
        again = now + timedelta(days=1) if now - stands_since(transaction=locked) < WATCHED_FOR else None
    payments.hear_attempt(transaction_id=locked.id, next_check_at=again, missed=missed, now=now)


def _may_bring_more(locked: Transaction, now: datetime) -> bool:
    """Whether a token may follow what is delivered without one: not every catalogue says what brings one. Or, once, its units,
    which some services tell when asked only."""
    if locked.status != TransactionStatus.COMPLETED:
        return False
    purchase = Purchase.objects.get(cluster_id=locked.cluster_id, id=locked.id)
    provider = UtilityProvider.objects.get(id=purchase.provider_id)
    if not may_give_token(type=BillType(provider.provider_type), name=provider.name):
        return False
    return not purchase.token or (not purchase.units and purchase.delivered_at == now)


def _apply_outcome(
    actor: Actor, locked: Transaction, attempt: Attempt, purchase: Purchase, truth: PurchaseTruth, now: datetime
) -> None:
    match truth.outcome:
        case Outcome.SUCCEEDED:
            _apply_sold(actor, locked, purchase, truth, now)
        case Outcome.FAILED | Outcome.REVERSED if locked.status in OPEN:
            type = truth.decline.type if truth.decline else PaymentErrorType.VENDOR_UNAVAILABLE
            release_purchase(actor=actor, transaction=locked, purchase=purchase, type=type, now=now)
        case Outcome.FAILED | Outcome.REVERSED if locked.status == TransactionStatus.COMPLETED:
            if truth.outcome is Outcome.REVERSED:  # "failed" does not say that what it had taken for it came back
                return_purchase(actor=actor, transaction=locked, purchase=purchase, now=now)
            _open_case(locked, CaseKind.VEND_REVERSED, {"said": truth.outcome.value}, now)
        case Outcome.PENDING if locked.status in OPEN:
            _go_on(locked, now)
            _wait_for(locked, purchase, PaymentErrorType.VENDOR_PENDING)
        case Outcome.UNKNOWN:
            _leave_unknown(locked, now)
            _wait_for(locked, purchase, PaymentErrorType.VENDOR_PENDING)
        case _:
            pass  # decided already, and nothing said against it
    schedule(locked, attempt, now)


def _apply_sold(actor: Actor, locked: Transaction, purchase: Purchase, truth: PurchaseTruth, now: datetime) -> None:
    if locked.status == TransactionStatus.COMPLETED:
        known, said = token_of(purchase=purchase), truth.token
        if truth.token != known:
            truth = _without_used_token(locked, purchase, truth, now)
        if truth.token and not known:
            keep_late_token(actor=actor, transaction=locked, purchase=purchase, truth=truth, now=now)
        elif truth.token and not is_same_token(known, truth.token):
            _open_case(locked, CaseKind.DOES_NOT_MATCH, {"wrong": ["token"]}, now)
        elif truth.token == said:
            keep_details(purchase=purchase, truth=truth)
        return
    if locked.status not in OPEN:  # it was sold after it had been refused: whose loss that is, a person decides
        _open_case(locked, CaseKind.DOES_NOT_MATCH, {"wrong": ["sold_after_refusal"]}, now)
        return
    provider = UtilityProvider.objects.get(id=purchase.provider_id)
    truth = _without_used_token(locked, purchase, truth, now)
    if provider.gives_token and not truth.token:
        _go_on(locked, now)
        _wait_for(locked, purchase, PaymentErrorType.TOKEN_DELAYED)
        return
    if not settle_purchase(actor=actor, transaction=locked, purchase=purchase, truth=truth, now=now):
        _open_case(locked, CaseKind.DOES_NOT_MATCH, {"wrong": ["provider_id"], "found": truth.provider_id}, now)


def _without_used_token(locked: Transaction, purchase: Purchase, truth: PurchaseTruth, now: datetime) -> PurchaseTruth:
    """The same, less a token that another purchase had: a person is asked about it, who ends the purchase by
    `bin/manage end_purchase` where the service stays at it."""
    if truth.token and is_given_out(purchase=purchase, token=truth.token):
        _open_case(locked, CaseKind.DOES_NOT_MATCH, {"wrong": ["token_of_another_purchase"]}, now)
        return replace(truth, token="")
    return truth


def _apply_not_found(actor: Actor, locked: Transaction, attempt: Attempt, purchase: Purchase, now: datetime) -> bool:
    schedule(locked, attempt, now, missed=True)
    sent = attempt.sent_at or attempt.started_at
    if locked.status not in OPEN or attempt.misses + 1 < FEWEST_MISSES or now - sent < UNSENT_AFTER:
        return False
    last = Exchange.objects.filter(cluster_id=locked.cluster_id, transaction_id=locked.id, act="purchase")
    refusal = last.order_by("-at", "-id").first()
    if refusal is not None and refusal.outcome == "refused" and refusal.at >= sent:
        # Refused when it was sent again, and not there after all this time.
        type = PaymentErrorType(refusal.answer["type"])
        release_purchase(actor=actor, transaction=locked, purchase=purchase, type=type, now=now)
        return False
    if payments.is_held():
        return False
    payments.send_attempt(transaction_id=locked.id, now=now)
    return True


def _what_differs(purchase: Purchase, attempt: Attempt, truth: PurchaseTruth) -> list[str]:
    """The names of what differs from what was bought, in a way that must not become anybody's token without a person."""
    account = Account.objects.get(cluster_id=purchase.cluster_id, id=purchase.account_id)
    number = unseal(bytes(account.number), bound_to=number_place(account.id)) if account.number else ""
    differences = {
        "reference": truth.reference != attempt.reference,
        "amount": truth.amount != purchase.amount,
        "customer": bool(truth.customer_id and number) and truth.customer_id.upper() != number,
    }
    return [name for name, differs in differences.items() if differs]


def _leave_unknown(locked: Transaction, now: datetime) -> None:
    if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING):
        payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)


def _go_on(locked: Transaction, now: datetime) -> None:
    if locked.status in (TransactionStatus.PENDING, TransactionStatus.UNKNOWN):
        payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)


def _wait_for(locked: Transaction, purchase: Purchase, what: PaymentErrorType) -> None:
    if locked.status in OPEN and purchase.waits_for != what.value:
        purchase.waits_for = what.value
        purchase.save(update_fields=["waits_for"])


def _note(locked: Transaction, act: str, outcome: str, answer: dict[str, object], now: datetime) -> None:
    payments.note_exchange(transaction_id=locked.id, act=act, outcome=outcome, answer=answer, now=now)


def _open_case(locked: Transaction, kind: CaseKind, facts: dict[str, object], now: datetime) -> None:
    payments.open_case(
        kind=kind,
        subject=str(locked.id),
        transaction_id=locked.id,
        facts={"provider": locked.provider, "amount": str(locked.amount), **facts},
        once=kind is not CaseKind.UNKNOWN_TOO_LONG,
        now=now,
    )
