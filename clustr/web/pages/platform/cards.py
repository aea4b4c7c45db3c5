"""The cards that Stripe keeps for a customer, and coming back from Stripe's page. No card number is ever on ours."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.kit.errors import Refusal, Unavailable
from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import CurrentSubscription, my_subscription, open_by_card, open_of
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.subscriptions.states import CallState, SubscriptionStatus
from clustr.subscriptions.types import MethodRow
from clustr.subscriptions.vendors.registry import stripe_is_on
from clustr.web.actors import Request
from clustr.web.billing import payment_methods as api
from clustr.web.door import take_turn
from clustr.web.pages.confirming import EDIT, Shown, checked, confirm, is_confirmed
from clustr.web.pages.forms import Attempt, attempt, go
from clustr.web.pages.frame import Context, look
from clustr.web.pages.platform.frame import customer_page, plan_address
from clustr.web.pages.platform.plans import onward
from clustr.web.pages.platform.whose import whose_plan
from clustr.web.pages.words import said_of


@customer_page()
def cards(request: Request) -> HttpResponse:
    """GET /platform/cards/: as Stripe has them now."""
    take_turn(request)  # it asks Stripe
    return _show(request, None)


def _show(request: Request, tried: Attempt | None) -> HttpResponse:
    held: list[MethodRow] = []
    unheard = ""
    try:
        held = commands.my_methods(actor=request.actor)
    except Unavailable as refusal:
        unheard = said_of(refusal)
    owed, besides = open_of(actor=request.actor)
    shown: Context = {
        "tried": tried,
        "whose": whose_plan(request),
        "cards": held,
        "unheard": unheard,
        "cards_are_on": stripe_is_on(),
        "owed": _sums(owed),
        "besides": _sums(besides),
    }
    return look(request, "pages/platform/cards.html", lambda: shown, status=tried.status if tried else 200)


@customer_page(methods=("POST",))
def give_card(request: Request) -> HttpResponse:
    """POST /platform/cards/give/: on to Stripe's page, where a card is given; from then on everything is taken from it."""
    tried = attempt(request, lambda: api.give_card(request))
    return onward(request, tried.answer["checkout_url"]) if tried.answer else _show(request, tried)


@customer_page(methods=("POST",))
def use_card(request: Request, method_id: str) -> HttpResponse:
    """POST /platform/cards/{id}/use/: take everything from this card from now on. Where something is open, which is taken at
    once, that is shown first."""
    owed = open_by_card(actor=request.actor)
    if owed and not is_confirmed(request):
        if request.POST.get("step") == EDIT:
            return _show(request, None)
        return confirm(request, checked(request, lambda: None), lambda: _taken_at_once(owed))
    tried = attempt(request, lambda: api.use_card(request, method_id))
    if not tried.done:
        return _show(request, tried)
    said = _("Everything is taken from this card from now on.")
    if owed and open_by_card(actor=request.actor):
        wrong = _(
            "The card is in use from now on, but what is open was not taken from it. Your plan's page says what to do."
        )
        return go(request, plan_address(request, "platform:cards"), wrong=wrong)
    if owed:
        said = _("%s was taken from this card, as everything is from now on.") % _sums(owed)
    return go(request, plan_address(request, "platform:cards"), said=said)


def _taken_at_once(owed: list[Money]) -> Shown:
    return Shown(
        title=_("Taken from this card at once"),
        amount=owed[0],
        lines=[(_("And"), more) for more in owed[1:]],
        button=_("Use this card"),
        icon="credit-card",
        notes=(_("This is open of your plan. Everything later is taken from this card, too."),),
    )


def _sums(amounts: list[Money]) -> str:
    return ", ".join(amount.with_sign() for amount in amounts)


@customer_page(methods=("POST",))
def forget_card(request: Request, method_id: str) -> HttpResponse:
    """POST /platform/cards/{id}/forget/: nothing is taken from it any more."""
    tried = attempt(request, lambda: api.forget_card(request, method_id))
    if not tried.done:
        return _show(request, tried)
    if commands.stays_in_use(actor=request.actor, method_id=method_id):
        stays = _("Another plan is paid from this card, so it stays. Forget it once more if it is to go all the same.")
        return go(request, plan_address(request, "platform:cards"), wrong=stays)
    return go(request, plan_address(request, "platform:cards"), said=_("The card is forgotten."))


@customer_page()
def back(request: Request) -> HttpResponse:
    """GET /platform/back/: after Stripe's page: paid, a trial begun, a card kept, or nothing done; and the way on. Stripe is
    asked; what the browser says counts for nothing."""
    take_turn(request)  # it may ask Stripe
    try:
        seen = commands.look_at_my_page(actor=request.actor, now=request.now)
    except Refusal:
        seen = None

    def work() -> Context:
        held = _held(request, seen)
        url = (seen.url if seen else "") or (held.checkout_url if held else "")
        return {"held": held, "outcome": _outcome(seen), "url": url}

    return look(request, "pages/platform/back.html", work)


def _held(request: Request, seen: commands.PageSeen | None) -> CurrentSubscription | None:
    try:
        about = seen.for_cluster_id if seen else None
        return my_subscription(actor=request.actor, for_cluster_id=about, now=request.now)
    except SubscriptionNotFound:
        return None


def _outcome(seen: commands.PageSeen | None) -> str:
    """What the page says: `nothing`, `unheard`, `left`, `no_card`, `expired`, `card`, `trial`, `paid`, `confirm`."""
    if seen is None:
        return "nothing"
    if not seen.heard:
        return "unheard"
    if seen.state is CallState.WAITING:
        return "left" if seen.for_plan else "no_card"
    if seen.state is not CallState.DONE:
        return "expired"
    if not seen.for_plan:
        return "card"
    if seen.status == SubscriptionStatus.TRIALING:
        return "trial"
    return "paid" if seen.status == SubscriptionStatus.ACTIVE else "confirm"
