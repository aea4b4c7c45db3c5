"""`/payments/`: webhooks of the payment providers, and asking what became of a payment."""

from __future__ import annotations

import re

from django.http import HttpResponse
from ninja import Router

from clustr.payments.providers.port import NoticeRefused
from clustr.payments.queries import transaction_visible_to
from clustr.payments.refusals import ProviderNotAvailable
from clustr.settlement import commands
from clustr.web.door import Request, once_between
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.payment_schemas import VerifyIn
from clustr.web.refusals import SignatureInvalid, TooLarge
from clustr.web.schemas import Out

router = Router(tags=["Payments"])

LARGEST_NOTICE_BYTES = 128 * 1024
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)


class ReceivedOut(Out):
    """It is stored; what it names will be looked into."""

    received: bool = True


@router.post("webhooks/paystack/", response=ReceivedOut, auth=None, summary="Notices from Paystack")
def receive_paystack_notice(request: Request) -> HttpResponse:
    """Signed with `x-paystack-signature`. Answered once it is stored; it proves nothing, Paystack is asked."""
    return _receive(request, "paystack")


@router.post("webhooks/flutterwave/", response=ReceivedOut, auth=None, summary="Notices from Flutterwave")
def receive_flutterwave_notice(request: Request) -> HttpResponse:
    """Signed with `verif-hash`. Answered once it is stored; it proves nothing, Flutterwave is asked."""
    return _receive(request, "flutterwave")


@router.post("webhooks/stripe/", response=ReceivedOut, auth=None, summary="Notices from Stripe")
def receive_stripe_notice(request: Request) -> HttpResponse:
    """Signed with `stripe-signature`. Answered once it is stored; it proves nothing, Stripe is asked."""
    return _receive(request, "stripe")


@router.post("verify-payment/", response=TransactionOut, summary="What became of a payment")
def verify_payment(request: Request, body: VerifyIn) -> HttpResponse:
    """Asks the provider now. For the payment's owner, or with ViewPayments for any of the cluster.

    Refuses with `transaction_not_found`.
    """
    return once_between(
        request,
        body,
        200,
        record=lambda _claim, _checked: body.reference,
        ask=lambda reference: commands.verify_payment(actor=request.actor, reference=reference, now=request.now),
        shape=lambda id: transaction_out(transaction_visible_to(actor=request.actor, transaction_id=id)),
    )


def _receive(request: Request, provider: str) -> HttpResponse:
    declared = request.headers.get("Content-Length") or "0"
    if not _LENGTH.fullmatch(declared) or int(declared) > LARGEST_NOTICE_BYTES:
        raise TooLarge
    try:
        commands.accept_notice(
            provider=provider,
            raw_body=request.body,
            headers=request.headers,
            source=request.origin.ip,
            now=request.now,
        )
    except (NoticeRefused, ProviderNotAvailable) as error:
        raise SignatureInvalid from error
    return HttpResponse(ReceivedOut().model_dump_json(), content_type="application/json")
