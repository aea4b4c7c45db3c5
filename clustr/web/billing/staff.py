"""`/api/v1/billing/staff/`: what the platform's own staff do for customers. Nobody does it for themself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.staff_queries import CustomerFilter, customer_documents, customer_subscriptions
from clustr.subscriptions.states import PaymentMethod
from clustr.web.billing.customers import as_customer
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import InvoiceOut, PaymentOut, invoice_out, payment_out
from clustr.web.billing.staff_schemas import (
    CorrectionAct,
    CorrectionIn,
    CouponMadeIn,
    CouponMadeOut,
    CustomerSubscriptionOut,
    DocumentsQuery,
    FailedPaymentIn,
    MadeOut,
    PackIn,
    PaymentIn,
    PriceIn,
    SubscriptionsQuery,
    VerifiedOut,
    VerifyCustomerIn,
    customer_subscription_out,
    to_discount,
)
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, by_id, last_id, page

router = Router(tags=["Platform"])


@router.get("staff/subscriptions/", response=Page[CustomerSubscriptionOut], summary="Customers", openapi_extra=PERSONAL)
def list_customer_subscriptions(request: Request, query: Query[SubscriptionsQuery]) -> HttpResponse:
    """Their subscriptions, newest first."""
    as_customer(request)

    def work() -> Page[CustomerSubscriptionOut]:
        chosen = CustomerFilter(query.user_id, query.email, query.status)
        rows = customer_subscriptions(
            actor=request.actor, chosen=chosen, before=last_id(request, query), limit=query.fetch
        )
        return page(request, query, rows, key=lambda row: by_id(row.subscription.id), out=customer_subscription_out)

    return read(request, work)


@router.get("staff/invoices/", response=Page[InvoiceOut], summary="Customers' invoices", openapi_extra=PERSONAL)
def list_customer_documents(request: Request, query: Query[DocumentsQuery]) -> HttpResponse:
    """And credit notes, newest first."""
    as_customer(request)

    def work() -> Page[InvoiceOut]:
        rows = customer_documents(
            actor=request.actor,
            chosen=CustomerFilter(query.user_id, query.email, query.status),
            number=query.number,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.invoice.id), out=invoice_out)

    return read(request, work)


@router.post("staff/record_payment/", response={201: PaymentOut}, summary="Money came", openapi_extra=PERSONAL)
def record_customer_payment(request: Request, body: PaymentIn) -> HttpResponse:
    """For an invoice, by transfer. Refuses with `invoice_not_found`, `invoice_not_open`, `payment_reference_taken`,
    `currency_mismatch`."""
    as_customer(request)
    return once(
        request,
        body,
        201,
        lambda: payment_out(
            commands.process_payment(
                actor=request.actor,
                invoice_id=body.invoice_id,
                amount=Money(body.amount, body.currency),
                method=PaymentMethod(body.method),
                reference=body.reference,
                paid_at=body.paid_at or request.now,
                now=request.now,
            )
        ),
    )


@router.post(
    "staff/record_failed_payment/", response={201: PaymentOut}, summary="Money did not come", openapi_extra=PERSONAL
)
def record_failed_customer_payment(request: Request, body: FailedPaymentIn) -> HttpResponse:
    """Of an open invoice; the customer is told, nothing moves. Refuses with `invoice_not_found`, `invoice_not_open`,
    `currency_mismatch`, `collection_not_offered`."""
    as_customer(request)
    return once(
        request,
        body,
        201,
        lambda: payment_out(
            commands.handle_failed_payment(
                actor=request.actor,
                invoice_id=body.invoice_id,
                amount=Money(body.amount, body.currency),
                method=PaymentMethod(body.method),
                code=body.code,
                message=body.message,
                now=request.now,
            )
        ),
    )


@router.post("staff/correct_invoice/", response=MadeOut, summary="Correct an invoice", openapi_extra=PERSONAL)
def correct_customer_invoice(request: Request, body: CorrectionIn) -> HttpResponse:
    """Answers the credit note's id, or that of the invoice that was given up. Refuses with `invoice_not_found`,
    `invoice_not_open`, `credit_exceeds_invoice`, `currency_mismatch`."""
    as_customer(request)
    return once(request, body, 200, lambda: MadeOut(id=_correct(request, body)))


@router.post("staff/create_coupon/", response={201: CouponMadeOut}, summary="Make a coupon", openapi_extra=PERSONAL)
def make_coupon(request: Request, body: CouponMadeIn) -> HttpResponse:
    """Its code is known in capitals. Refuses with `coupon_code_taken`."""
    as_customer(request)

    def work() -> CouponMadeOut:
        made = commands.create_coupon(
            actor=request.actor,
            code=body.code,
            name=body.name,
            discount=to_discount(body),
            duration=body.duration,
            duration_months=body.duration_months,
            max_redemptions=body.max_redemptions,
            expires_at=body.expires_at,
            plan_code=body.plan_id or "",
            needs_verification=body.needs_verification,
            now=request.now,
        )
        return CouponMadeOut(id=made.id, code=made.code)

    return once(request, body, 201, work)


@router.post("staff/agree_price/", response={201: MadeOut}, summary="Agree on a price", openapi_extra=PERSONAL)
def agree_price(request: Request, body: PriceIn) -> HttpResponse:
    """With one customer, for a term. Refuses with `plan_not_found`, `customer_not_found`."""
    as_customer(request)
    return once(
        request,
        body,
        201,
        lambda: MadeOut(
            id=commands.agree_contract_price(
                actor=request.actor,
                user_id=body.user_id,
                plan_code=body.plan_id,
                interval=body.interval,
                price=Money(body.price, body.currency),
                starts_at=body.starts_at,
                ends_at=body.ends_at,
                now=request.now,
            )
        ),
    )


@router.post("staff/verify_customer/", response={201: VerifiedOut}, summary="Verify a customer", openapi_extra=PERSONAL)
def verify_a_customer(request: Request, body: VerifyCustomerIn) -> HttpResponse:
    """As, for example, a student, for coupons that ask for it. Refuses with `customer_not_found`."""
    as_customer(request)

    def work() -> VerifiedOut:
        commands.verify_customer(
            actor=request.actor, user_id=body.user_id, kind=body.kind, expires_at=body.expires_at, now=request.now
        )
        return VerifiedOut(user_id=body.user_id, kind=body.kind)

    return once(request, body, 201, work)


@router.post("staff/sell_usage_pack/", response={201: MadeOut}, summary="Sell units in advance", openapi_extra=PERSONAL)
def sell_usage_pack(request: Request, body: PackIn) -> HttpResponse:
    """Invoiced at once; answers the invoice's id. Refuses with `subscription_not_found`, `subscription_lapsed`,
    `currency_mismatch`."""
    as_customer(request)
    return once(
        request,
        body,
        201,
        lambda: MadeOut(
            id=commands.buy_usage_pack(
                actor=request.actor,
                subscription_id=body.subscription_id,
                feature=body.feature_type,
                quantity=Decimal(body.quantity),
                price=Money(body.price, body.currency),
                now=request.now,
            ).id
        ),
    )


def _correct(request: Request, body: CorrectionIn) -> UUID:
    terms: dict[str, Any] = {
        "actor": request.actor,
        "invoice_id": body.invoice_id,
        "reason": body.reason,
        "now": request.now,
    }
    match body.act:
        case CorrectionAct.VOID:
            return commands.void_invoice(**terms).id
        case CorrectionAct.WRITE_OFF:
            return commands.write_off_invoice(**terms).id
        case CorrectionAct.CREDIT:
            if body.amount is None or body.currency is None:
                raise InvalidValue.of("amount", "required", "Say how much is given back, net of tax, and its currency.")
            amount = Money(body.amount, body.currency)
            return commands.credit_invoice(**terms, amount=amount, tax_basis_points=body.tax_basis_points).id
        case never:
            assert_never(never)
