"""The cards that Stripe keeps for a customer. A card that is given again, as on an invoice's page, is kept again there; it is one card
all the same. Outside any transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog

from clustr.kit.actor import Actor
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import PaymentMethodNotFound, ProviderSilent, ProviderUnavailable
from clustr.subscriptions.commands.stripe_beginning import finish_call
from clustr.subscriptions.commands.stripe_calls import add_terms
from clustr.subscriptions.commands.stripe_names import ensure_customer, name_at_stripe
from clustr.subscriptions.models import StripeCall
from clustr.subscriptions.states import Act, StripeKind
from clustr.subscriptions.vendors.nouns import StripeMethod, StripeRefused, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_is_on, stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part

log = structlog.get_logger(__name__)


def my_methods(*, actor: Actor) -> list[StripeMethod]:
    """The cards of who asks, as Stripe has them, each once; none without a customer there. Refuses `ProviderUnavailable`,
    `ProviderSilent`."""
    key = str(actor.member_id)
    customer_id = name_at_stripe(cluster_id=actor.cluster_id, kind=StripeKind.CUSTOMER, key=key)
    if not customer_id or not stripe_is_on():
        return []
    try:
        return each_once(stripe_service().list_methods(customer_id=customer_id))
    except NothingSent as error:
        raise ProviderUnavailable from error
    except (OutcomeUnknown, StripeUnreadable, StripeRefused) as error:
        raise ProviderSilent from error


def each_once(methods: Sequence[StripeMethod]) -> list[StripeMethod]:
    """Of a card that is kept more than once the one in use, or else the newest, which comes first."""
    shown: dict[object, StripeMethod] = {}
    for method in methods:
        same = _card_of(method)
        if same not in shown or method.is_default:
            shown[same] = method
    return list(shown.values())


def _card_of(method: StripeMethod) -> object:
    """The same for the same card; one that was issued anew, and lasts longer, is another."""
    return (method.fingerprint, method.exp_month, method.exp_year) if method.fingerprint else method.id


def forget_card(call: StripeCall, now: datetime) -> StripeCall:
    """Forget a card, as often as it is kept; who names an id of it that is not in use keeps the one that is. That it is this customer's
    is seen before it is asked, and written down: once it is gone, it is nobody's. What was chosen since it was to be forgotten stays."""
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    asked_before = "is_theirs" in call.terms
    used = stripe_service().methods_in_use(customer_id=customer_id)
    if not asked_before:
        call = add_terms(call, is_theirs=True, **_kept_again(customer_id, call.terms["method_id"], used))
    chosen = _chosen_since(call, used)
    if call.terms["method_id"] in chosen:
        return finish_call(call, now)
    try:
        stripe_service().forget_method(method_id=call.terms["method_id"], key=str(call.id))
    except StripeRefused as error:
        if error.http_status not in (400, 404) or not asked_before:
            raise
    with in_part():
        for method_id in call.terms.get("again", []):
            if method_id not in chosen:
                _forget_again(call, method_id)
    return finish_call(call, now)


def stays_in_use(*, actor: Actor, method_id: str) -> bool:
    """Whether a card that was forgotten is kept all the same, because another id of it is in use."""
    with tenant(actor.cluster_id):
        calls = StripeCall.objects.filter(
            cluster_id=actor.cluster_id, user_id=actor.member_id, act=Act.FORGET_METHOD, terms__method_id=method_id
        )
        call = calls.order_by("-id").first()
    return call is not None and any(
        id not in (method_id, *call.terms.get("again", [])) for id in call.terms.get("in_use", [])
    )


def _kept_again(customer_id: str, method_id: str, used: Collection[str]) -> dict[str, list[str]]:
    """The other ids of this card that are meant too (`again`): all, if the one that is asked for is in use, else those that are not;
    and which of all of them are (`in_use`). A card that is not this customer's is none."""
    held = stripe_service().list_methods(customer_id=customer_id)
    asked = next((method for method in held if method.id == method_id), None)
    if asked is None:
        raise PaymentMethodNotFound
    others = [method.id for method in held if method.id != method_id and _card_of(method) == _card_of(asked)]
    return {
        "again": [other for other in others if method_id in used or other not in used],
        "in_use": [id for id in (method_id, *others) if id in used],
    }


def _chosen_since(call: StripeCall, used: Collection[str]) -> set[str]:
    """Of what is in use, what was not when it was to be forgotten, or was chosen again after that."""
    with tenant(call.cluster_id):
        later = StripeCall.objects.filter(
            cluster_id=call.cluster_id,
            user_id=call.user_id,
            act__in=(Act.USE_METHOD, Act.SUBSCRIBE),
            asked_at__gt=call.asked_at,
        )
        chosen = {terms["method_id"] for terms in later.values_list("terms", flat=True)}
    return {id for id in used if id in chosen or id not in call.terms.get("in_use", [])}


def _forget_again(call: StripeCall, method_id: str) -> None:
    try:
        stripe_service().forget_method(method_id=method_id, key=f"{call.id}:{method_id}")
    except StripeRefused as error:
        if error.http_status not in (400, 404):
            raise
        log.info("stripe_card_gone", call=str(call.id))
