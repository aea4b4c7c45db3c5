"""The end of a purchase by a person's word, where what its service says never ends it: sold, with the token they were told,
or its money back."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from clustr.audit import commands as audit
from clustr.clusters.queries import system_actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Case, Transaction
from clustr.payments.providers.nouns import Outcome
from clustr.payments.states import CaseKind, Purpose
from clustr.payments.types import PaymentErrorType
from clustr.utilities.commands.applying import lock_purchase
from clustr.utilities.commands.ending import release_purchase, settle_purchase
from clustr.utilities.commands.tokens import is_given_out
from clustr.utilities.models import Purchase, UtilityProvider
from clustr.utilities.queries import OPEN
from clustr.utilities.refusals import PurchaseNotOpen, TokenGivenOut, TokenNeeded
from clustr.utilities.vendors.interface import PurchaseTruth

_ASKED = (CaseKind.DOES_NOT_MATCH, CaseKind.UNKNOWN_TOO_LONG)
"""What a person is asked about a purchase that is not decided."""
_LONGEST_TOKEN = 200


def end_purchase(
    *, cluster_id: UUID, purchase_id: UUID, token: str | None, reason: str, ended_by: UUID, now: datetime
) -> Transaction:
    """End a purchase that is not decided and that a person was asked about. `token`: it was sold, and this is its buyer's,
    "" where this utility gives none; None: it was not sold, and what is held returns to the buyer's wallet. Its cases are
    closed, and the buyer is told. For the platform's staff (`ended_by`), at the command line.

    Refuses `PurchaseNotOpen`, `TokenNeeded`, `TokenGivenOut`.
    """
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("utilities.end_purchase"):
        locked, attempt, purchase = lock_purchase(purchase_id=purchase_id)
        if locked.status not in OPEN or not _asked_about(cluster_id).filter(transaction_id=purchase_id).exists():
            raise PurchaseNotOpen
        if token is None:
            release_purchase(
                actor=actor, transaction=locked, purchase=purchase, type=PaymentErrorType.VENDOR_UNAVAILABLE, now=now
            )
            payments.end_checks(transaction_id=locked.id)  # the service would say again what was decided against
        else:
            truth = _told(purchase, attempt, _token_for(purchase, token))
            settle_purchase(actor=actor, transaction=locked, purchase=purchase, truth=truth, now=now)
            payments.schedule_check(transaction_id=locked.id, next_check_at=now + timedelta(days=1))
        payments.answer_cases(transaction_id=locked.id, kinds=_ASKED, answered_by=ended_by, note=reason, now=now)
        audit.record(
            actor=actor,
            action="utilities.ended_by_staff",
            subject_kind="transaction",
            subject_id=locked.id,
            at=now,
            reason=reason,
            facts={"ended": "released" if token is None else "sold", "by": str(ended_by)},
            journal=locked.id,
        )
    return locked


def purchases_to_end(*, cluster_id: UUID) -> list[Transaction]:
    """The transactions of a cluster's purchases that are not decided and that a person was asked about, oldest first."""
    with tenant(cluster_id):
        asked = _asked_about(cluster_id).filter(transaction_id=OuterRef("id"))
        waiting = Transaction.objects.filter(
            Exists(asked), cluster_id=cluster_id, purpose=Purpose.UTILITY, status__in=OPEN
        )
        return list(waiting.order_by("id"))


def _asked_about(cluster_id: UUID) -> QuerySet[Case]:
    """Closed ones too: closing a case ends no purchase."""
    return Case.objects.filter(cluster_id=cluster_id, kind__in=_ASKED)


def _token_for(purchase: Purchase, token: str) -> str:
    """The token as it was typed, in groups. Refuses `TokenNeeded`, and `TokenGivenOut`: it is worth nothing now."""
    plain = " ".join(token.split())
    needed = UtilityProvider.objects.values_list("gives_token", flat=True).get(id=purchase.provider_id)
    if (needed and not plain) or len(plain) > _LONGEST_TOKEN:
        raise TokenNeeded
    if plain and is_given_out(purchase=purchase, token=plain):
        raise TokenGivenOut
    return plain


def _told(purchase: Purchase, attempt: Attempt, token: str) -> PurchaseTruth:
    """What a person was told of a purchase, as its service would have said it."""
    return PurchaseTruth(
        outcome=Outcome.SUCCEEDED,
        reference=attempt.reference,
        provider_id="",
        customer_id="",
        amount=purchase.amount,
        fee=None,
        token=token,
        units="",
        tariff="",
        decline=None,
        record={},
    )
