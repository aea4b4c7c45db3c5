"""How subscriptions refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Declined, Invalid, NotFound


class PlanNotFound(NotFound):
    """There is no such plan to choose."""

    code = "plan_not_found"


class UsagePackNotFound(NotFound):
    """There are no such units to buy in advance, of this plan and in its currency."""

    code = "usage_pack_not_found"


class SubscriptionNotFound(NotFound):
    """There is no such subscription, or it is not yours."""

    code = "subscription_not_found"


class InvoiceNotFound(NotFound):
    """There is no such invoice, or it is not yours."""

    code = "invoice_not_found"


class EstateNotYours(NotFound):
    """There is no such estate, or you are not its administrator."""

    code = "estate_not_yours"


class AlreadySubscribed(Conflict):
    """There is a subscription already; change its plan instead."""

    code = "already_subscribed"


class SubscriptionEnded(Conflict):
    """The subscription has ended."""

    code = "subscription_ended"


class SubscriptionLapsed(Conflict):
    """The subscription has lapsed; pay what is open first."""

    code = "subscription_lapsed"


class SamePlan(Conflict):
    """The subscription has this plan and interval already."""

    code = "same_plan"


class NotAnUpgrade(Conflict):
    """The plan costs less than the present one."""

    code = "not_an_upgrade"


class NotADowngrade(Conflict):
    """The plan does not cost less than the present one."""

    code = "not_a_downgrade"


class NotCanceled(Conflict):
    """The subscription is not canceled, nor about to be."""

    code = "not_canceled"


class PreviewTooOld(Conflict):
    """The preview is too old; ask for a new one."""

    code = "preview_too_old"


class CouponNotValid(Invalid):
    """The coupon does not exist, has expired, is used up, or is not for this."""

    code = "coupon_not_valid"
    field = "coupon"


class CouponCodeTaken(Conflict):
    """There is a coupon of this code already."""

    code = "coupon_code_taken"


class CustomerNotFound(NotFound):
    """There is no such person."""

    code = "customer_not_found"


class CouponUsed(Conflict):
    """You have used this coupon before."""

    code = "coupon_used"


class CurrencyNotOffered(Invalid):
    """The plan has no price in this currency."""

    code = "currency_not_offered"
    field = "currency"


class CollectionNotOffered(Invalid):
    """This cannot be paid for in that way."""

    code = "collection_not_offered"
    field = "collection"


class UsageLimitReached(Declined):
    """The plan's limit is reached."""

    code = "usage_limit_reached"


class UsageBelowZero(Invalid):
    """There is not that much in use."""

    code = "usage_below_zero"
    field = "amount"


class UsageEventReused(Invalid):
    """The event's id was used before for something else."""

    code = "usage_event_reused"
    field = "event_id"


class InvoiceNotOpen(Conflict):
    """The invoice is not open."""

    code = "invoice_not_open"


class InvoiceOverdue(Conflict):
    """An invoice is overdue; pay it first."""

    code = "invoice_overdue"


class CreditExceedsInvoice(Conflict):
    """More would be given back than the invoice charged."""

    code = "credit_exceeds_invoice"


class NothingToRefund(Conflict):
    """Nothing is left of this invoice that a card paid and that could be given back."""

    code = "nothing_to_refund"


class PaymentReferenceTaken(Conflict):
    """A payment with this reference was recorded before."""

    code = "payment_reference_taken"


class SubscriptionRuns(Conflict):
    """A subscription still runs; cancel it first."""

    code = "subscription_runs"


class ChangeUnderWay(Conflict):
    """A change of this subscription is under way at Stripe; wait until it is known what became of it."""

    code = "change_under_way"


class SubscriptionIncomplete(Conflict):
    """The first payment was not made yet; finish it first, or cancel."""

    code = "subscription_incomplete"


class CardDeclined(Declined):
    """The card was declined, or needs its holder."""

    code = "card_declined"
