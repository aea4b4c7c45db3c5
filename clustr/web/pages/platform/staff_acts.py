"""What the platform's staff do for a customer: book a transfer, correct an invoice, verify, agree on a price, sell units."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clustr.kit.errors import InvalidValue
from clustr.kit.money import SIGNS, Money
from clustr.subscriptions import queries
from clustr.subscriptions.document_queries import Document
from clustr.subscriptions.staff_queries import customer_document
from clustr.subscriptions.story_queries import CustomerStory, story_of_customer
from clustr.subscriptions.types import FeatureType
from clustr.web.actors import Request
from clustr.web.billing import staff as api
from clustr.web.billing.staff_schemas import CorrectionAct, CorrectionIn, PackIn, PaymentIn, PriceIn, VerifyCustomerIn
from clustr.web.door import read_value
from clustr.web.pages.confirming import Shown, ask_first
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_day, typed_minor
from clustr.web.pages.frame import Context, look
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page

_ACT = {
    CorrectionAct.CREDIT: gettext_lazy("Given back, before tax"),
    CorrectionAct.VOID: gettext_lazy("Taken back"),
    CorrectionAct.WRITE_OFF: gettext_lazy("Given up"),
}


def ask_act(
    request: Request,
    body: Callable[[], object],
    shown: Callable[[], Shown],
    form: Callable[[Attempt | None], HttpResponse],
) -> HttpResponse | None:
    """The form, what is wrong with it, or what it would do; None: that is confirmed."""
    return ask_first(request, parse=body, shown=shown, form=form) if request.POST else form(None)


def document(request: Request, invoice_id: UUID) -> Document:
    """A customer's document."""
    return read_value(request, lambda: customer_document(actor=request.actor, invoice_id=invoice_id))


def _story(request: Request, user_id: UUID) -> CustomerStory:
    return read_value(request, lambda: story_of_customer(actor=request.actor, user_id=user_id))


def _called(story: CustomerStory) -> str:
    return story.name or story.email


def act_form(request: Request, tried: Attempt | None, template: str, work: Callable[[], Context]) -> HttpResponse:
    """The page of an act, as it was tried."""
    return look(
        request,
        f"pages/platform/{template}.html",
        lambda: {"tried": tried, **work()},
        status=tried.status if tried else 200,
    )


@customer_page(methods=("GET", "POST"), staff=True)
def record_payment(request: Request, invoice_id: UUID) -> HttpResponse:
    """/platform/customers/documents/{id}/payment/: a bank transfer that came for an invoice. For platform staff."""
    held = document(request, invoice_id).invoice

    def body() -> PaymentIn:
        sent = (
            typed_minor(request, "amount", held.currency) | typed(request, "reference") | typed_day(request, "paid_at")
        )
        return PaymentIn(invoice_id=invoice_id, currency=held.currency, **sent)

    def shown() -> Shown:
        sent = body()
        surplus = sent.amount - held.amount_due.minor
        return Shown(
            title=_("Received by transfer"),
            amount=Money(sent.amount, held.currency),
            lines=[
                (_("From"), _called(_story(request, held.user_id))),
                (_("Invoice"), held.invoice_number),
                (_("Due now"), held.amount_due),
                (_("Due after it"), Money(max(0, -surplus), held.currency)),
                *([(_("In their favour then"), Money(surplus, held.currency))] if surplus > 0 else []),
                (_("The bank's reference"), sent.reference),
            ],
            button=_("Record it"),
        )

    def form(tried: Attempt | None) -> HttpResponse:
        return act_form(request, tried, "record_payment", lambda: {"invoice": held, "due": held.amount_due})

    asked = ask_act(request, body, shown, form)
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.record_customer_payment(request, body()))
    if tried.answer:
        surplus = Money(tried.answer["surplus"], held.currency)
        said = _("Booked: the invoice %s.") % held.invoice_number
        if surplus.minor:
            said += " " + _("%s more than was due stands in the customer's favour.") % surplus.with_sign()
        return go(request, "platform:customer", held.user_id, said=said)
    return form(tried)


@customer_page(methods=("GET", "POST"), staff=True)
def correct(request: Request, invoice_id: UUID) -> HttpResponse:
    """/platform/customers/documents/{id}/correct/: take back an open invoice, give up what is due of it, or give back some of what it
    charged, by a credit note. For platform staff."""
    found = document(request, invoice_id)
    held = found.invoice

    def body() -> CorrectionIn:
        sent = typed(request, "act", "reason")
        if sent.get("act") == CorrectionAct.CREDIT:
            rate = request.POST.get("tax_basis_points", "")
            sent |= typed_minor(request, "amount", held.currency) | {"currency": held.currency}
            if "amount" not in sent:
                raise InvalidValue.of("amount", "required", _("Please fill this in."))
            sent["tax_basis_points"] = int(rate) if rate.isdigit() and rate.isascii() else 0
        return CorrectionIn(invoice_id=invoice_id, **sent)

    rates = sorted({line.tax_basis_points for line in found.lines})

    def work() -> Context:
        return {
            "invoice": held,
            "lines": found.lines,
            "rates": [(str(rate), f"{rate / 100:g}%") for rate in rates],
            "open": held.status == "open",
        }

    def shown() -> Shown:
        sent = body()
        gives_back = sent.act is CorrectionAct.CREDIT
        return Shown(
            title=_ACT[sent.act],
            amount=Money(sent.amount or 0, held.currency) if gives_back else held.amount_due,
            lines=[
                (_("Customer"), _called(_story(request, held.user_id))),
                (_("Invoice"), held.invoice_number),
                *([(_("Tax"), _("comes on top, as it was charged"))] if gives_back else []),
                (_("Why"), sent.reason),
            ],
            button=_("Correct it"),
            notes=(_("It stands in the books for good, beside the invoice."),),
            bad=True,
        )

    def form(tried: Attempt | None) -> HttpResponse:
        return act_form(request, tried, "correct", work)

    asked = ask_act(request, body, shown, form)
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.correct_customer_invoice(request, body()))
    if not tried.done:
        return form(tried)
    return go(request, "platform:customer", held.user_id, said=_("Corrected: %s.") % held.invoice_number)


@customer_page(methods=("GET", "POST"), staff=True)
def verify(request: Request, user_id: UUID) -> HttpResponse:
    """/platform/customers/{id}/verify/: that they are, for example, students, for coupons that ask for it. For staff."""
    story = _story(request, user_id)

    def body() -> VerifyCustomerIn:
        sent = typed(request, "kind") | typed_day(request, "expires_at", end=True)
        return VerifyCustomerIn(user_id=user_id, **sent)

    tried = attempt(request, lambda: api.verify_a_customer(request, body())) if request.POST else None
    if tried is not None and tried.done:
        return go(request, "platform:customer", user_id, said=_("Verified."))
    return act_form(request, tried, "verify", lambda: {"story": story})


@customer_page(methods=("GET", "POST"), staff=True)
def agree_price(request: Request, user_id: UUID) -> HttpResponse:
    """/platform/customers/{id}/price/: what a plan costs this customer, for a term. For platform staff."""
    story = _story(request, user_id)

    def body() -> PriceIn:
        currency = request.POST.get("currency", "")
        sent = typed_minor(request, "price", currency) | typed(request, "plan_id", "interval")
        sent |= typed_day(request, "starts_at") | typed_day(request, "ends_at", end=True)
        return PriceIn(user_id=user_id, currency=currency, **sent)

    tried = attempt(request, lambda: api.agree_price(request, body())) if request.POST else None
    if tried is not None and tried.done:
        said = _("Agreed. It counts for what they choose, change to or renew within the term.")
        return go(request, "platform:customer", user_id, said=said)

    def work() -> Context:
        offered = queries.offered_plans()
        currencies = sorted({plan.currency for plan in offered} | {code for plan in offered for code in plan.prices})
        return {
            "story": story,
            "plans": [(plan.code, plan.name) for plan in offered],
            "intervals": [("month", _("a month")), ("year", _("a year"))],
            "currencies": [(code, f"{SIGNS.get(code, '')} {code}".strip()) for code in currencies],
        }

    return act_form(request, tried, "agree_price", work)


@customer_page(methods=("GET", "POST"), staff=True)
def sell_pack(request: Request, user_id: UUID) -> HttpResponse:
    """/platform/customers/{id}/pack/: units paid for in advance, for the period under way. For platform staff."""
    story = _story(request, user_id)
    running = [one for one in story.subscriptions if one.subscription.ended_at is None]
    chosen = next((one for one in running if str(one.subscription.id) == request.POST.get("subscription_id")), None)

    def body() -> PackIn:
        if chosen is None:
            raise InvalidValue.of("subscription_id", "unknown_choice", _("Choose one of these."))
        currency = chosen.subscription.currency
        sent = typed_minor(request, "price", currency) | typed(request, "feature_type", "quantity")
        return PackIn(subscription_id=chosen.subscription.id, currency=currency, **sent)

    def work() -> Context:
        signs = {SIGNS.get(one.subscription.currency, "") for one in running}
        return {
            "story": story,
            "subscriptions": [
                (str(one.subscription.id), f"{one.plan}, {one.subscription.currency}") for one in running
            ],
            "sign": signs.pop() if len(signs) == 1 else "",
            "features": [(feature.value, words.feature(feature)) for feature in FeatureType],
        }

    def shown() -> Shown:
        sent = body()
        return Shown(
            title=_("Invoiced at once"),
            amount=Money(sent.price, sent.currency),
            lines=[
                (_("To"), _called(story)),
                (_("They get"), f"{sent.quantity} {words.feature(sent.feature_type)}"),
                (_("For the plan"), chosen.plan if chosen else ""),
                (_("Tax"), _("comes on top, as on their invoices")),
            ],
            button=_("Sell"),
        )

    def form(tried: Attempt | None) -> HttpResponse:
        return act_form(request, tried, "sell_pack", work)

    asked = ask_act(request, body, shown, form)
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.sell_usage_pack(request, body()))
    if not tried.done:
        return form(tried)
    return go(request, "platform:customer", user_id, said=_("Sold, and invoiced."))
