"""Whose number it is: recorded, asked of the utility between transactions, kept for ten minutes; and members' saved numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import current_tenant, tenant
from clustr.kit.vault import seal, unseal
from clustr.payments.providers.port import AlreadyKnown, NotOffered, ProviderRefused
from clustr.payments.types import PaymentErrorType
from clustr.utilities.commands.screening import take_validation_turn
from clustr.utilities.models import Account, Purchase, Quote, UtilityProvider, Validation
from clustr.utilities.policies import (
    customer_place,
    number_ending,
    number_fingerprint,
    number_place,
    plain_number,
    refuse_former,
    refuse_unknown_customer,
)
from clustr.utilities.queries import UNDECIDED, account_of_member, offered_provider, validation_of_member
from clustr.utilities.refusals import (
    PurchaseUnderWay,
    UtilityAccountNotFound,
    ValidationNeeded,
    VendorNotAvailable,
)
from clustr.utilities.types import AccountView, ValidationState, ValidationView
from clustr.utilities.vendors.interface import CustomerInfo
from clustr.utilities.vendors.registry import utility_service

QUICK_SECONDS = 1.0
"""How long a request waits for the utility; after that a job goes on asking."""
_ASK_AGAIN_AFTER = timedelta(seconds=3)
_NOBODY = (PaymentErrorType.INVALID_CUSTOMER, PaymentErrorType.METER_NOT_FOUND)


def prepare_validation(*, actor: Actor, provider_id: UUID, customer_id: str, now: datetime) -> UUID:
    """Record that the utility will be asked whose number this is; answers the validation's id. A job asks, should the
    request that follows not hear it. Refuses `NotAMemberNow`, `UtilityProviderNotFound`."""
    refuse_former(actor=actor)
    provider = offered_provider(actor=actor, provider_id=provider_id)
    with tenant(actor.cluster_id), crash_points("utilities.prepare_validation"):
        account = meet_account(actor=actor, provider=provider, customer_id=customer_id, now=now)
        return ask_again_about(account=account, now=now)


def ask_again_about(*, account: Account, now: datetime) -> UUID:
    """Record that the utility will be asked about a number that is known; part of a command's transaction. Answers the
    validation's id."""
    validation = Validation.objects.create(
        id=new_id(),
        cluster_id=account.cluster_id,
        user_id=account.user_id,
        account_id=account.id,
        asked_at=now,
        expires_at=now + timedelta(minutes=settings.ENV.UTILITY_QUOTE_MINUTES),
    )
    enqueue("utilities.validate", at=now + _ASK_AGAIN_AFTER, cluster_id=account.cluster_id, validation_id=validation.id)
    return validation.id


def prepare_kept_validation(*, actor: Actor, account_id: UUID, now: datetime) -> UUID:
    """As `prepare_validation`, for a number that the member keeps, which nobody types again. Refuses `NotAMemberNow`,
    `UtilityAccountNotFound`, `UtilityProviderNotFound`."""
    refuse_former(actor=actor)
    with tenant(actor.cluster_id):
        kept = account_of_member(actor=actor, account_id=account_id)
        number = number_of(account=Account.objects.get(cluster_id=actor.cluster_id, id=kept.id))
        return prepare_validation(actor=actor, provider_id=kept.provider_id, customer_id=number, now=now)


def know_kept_customer(*, actor: Actor, account_id: UUID, now: datetime) -> None:
    """Have the utility confirm a number that the member keeps, where nobody has lately, for at most a second; outside any
    transaction. Refuses `NotAMemberNow`, `UtilityAccountNotFound`, `UtilityProviderNotFound`, `UtilityTooFast`,
    `InvalidCustomer`, `MeterNotFound`."""
    refuse_former(actor=actor)
    with tenant(actor.cluster_id):
        kept = account_of_member(actor=actor, account_id=account_id)
        lately = Validation.objects.filter(cluster_id=actor.cluster_id, account_id=kept.id, expires_at__gt=now)
        if lately.exclude(state=ValidationState.REFUSED).exists():
            return
    take_validation_turn(actor=actor, provider_id=kept.provider_id, now=now)
    asked = prepare_kept_validation(actor=actor, account_id=kept.id, now=now)
    validate_utility_customer(actor=actor, validation_id=asked, now=now)


def validate_utility_customer(*, actor: Actor, validation_id: UUID, now: datetime) -> ValidationView:
    """Ask the utility now, for at most a second, outside any transaction. `pending`: it has not answered; it is asked on.

    Refuses `ValidationNotFound`, `InvalidCustomer`, `MeterNotFound`.
    """
    ask_customer(cluster_id=actor.cluster_id, validation_id=validation_id, within_seconds=QUICK_SECONDS)
    with tenant(actor.cluster_id):
        validation = validation_of_member(actor=actor, validation_id=validation_id, now=now)
    if validation.error is not None:
        refuse_unknown_customer(error=validation.error)
    return validation


def ask_customer(*, cluster_id: UUID, validation_id: UUID, within_seconds: float | None = None) -> bool:
    """Ask whose number a recorded validation is about, and keep what is said; outside any transaction. Answers whether it
    is known now. Harmless to repeat."""
    with tenant(cluster_id):
        validation = Validation.objects.filter(cluster_id=cluster_id, id=validation_id).first()
        account = (
            Account.objects.filter(cluster_id=cluster_id, id=validation.account_id).first() if validation else None
        )
    if validation is None or account is None or not account.number or validation.state != ValidationState.PENDING:
        return True
    provider = UtilityProvider.objects.get(id=account.provider_id)
    crash_point("utilities.validate.recorded")
    try:
        info = utility_service(name=provider.api_provider).get_customer_info(
            customer_id=number_of(account=account),
            provider_code=provider.provider_code,
            within_seconds=within_seconds,
        )
    except ProviderRefused as error:
        if error.type not in _NOBODY:
            return False  # it says nothing of the customer
        return _keep_refusal(validation, error.type)
    except (NothingSent, OutcomeUnknown, AlreadyKnown, NotOffered, VendorNotAvailable):
        return False
    crash_point("utilities.validate.answered")
    return _keep_info(validation, info)


def meet_account(*, actor: Actor, provider: UtilityProvider, customer_id: str, now: datetime) -> Account:
    """Find this number among the member's, or note it; part of a command's transaction."""
    number = plain_number(typed=customer_id)
    key = settings.ENV.derived_key("utility-fingerprint")
    same = Account.objects.filter(
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        provider_id=provider.id,
        fingerprint=number_fingerprint(key=key, number=f"{provider.id}\n{number}"),
    )
    known = same.first()
    if known is None:
        made = Account(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            provider_id=provider.id,
            hint=number_ending(number=number),
            fingerprint=number_fingerprint(key=key, number=f"{provider.id}\n{number}"),
            met_at=now,
        )
        made.number = seal(number, bound_to=number_place(made.id))
        Account.objects.bulk_create([made], ignore_conflicts=True)
        return same.get()
    if not known.number:  # it was removed, and is met again
        known.number = seal(number, bound_to=number_place(known.id))
        known.hint = number_ending(number=number)
        known.save(update_fields=["number", "hint"])
    return known


def number_of(*, account: Account) -> str:
    """Open a sealed number; for the one who asks the utility about it."""
    return unseal(bytes(account.number), bound_to=number_place(account.id))


def save_account(*, actor: Actor, provider_id: UUID, customer_id: str, label: str, now: datetime) -> AccountView:
    """Keep a number that was validated in the last minutes, under a name of the member's own; several for each utility.

    Harmless to repeat. Refuses `NotAMemberNow`, `UtilityProviderNotFound`, `ValidationNeeded`.
    """
    refuse_former(actor=actor)
    provider = offered_provider(actor=actor, provider_id=provider_id)
    with tenant(actor.cluster_id), crash_points("utilities.save_account"):
        account = meet_account(actor=actor, provider=provider, customer_id=customer_id, now=now)
        confirmed = Validation.objects.filter(
            cluster_id=actor.cluster_id,
            account_id=account.id,
            state=ValidationState.CONFIRMED.value,
            expires_at__gt=now,
        )
        if not confirmed.exists():
            raise ValidationNeeded
        account.saved_at, account.label = account.saved_at or now, label
        account.save(update_fields=["saved_at", "label"])
        _audit(actor, "utilities.account_saved", account.id, now)
        return account_of_member(actor=actor, account_id=account.id)


def remove_account(*, actor: Actor, account_id: UUID, now: datetime) -> None:
    """Forget a saved number: it is destroyed, and what was bought for it stays. Refuses `UtilityAccountNotFound`,
    `PurchaseUnderWay`."""
    with tenant(actor.cluster_id), crash_points("utilities.remove_account"):
        account = (
            Account.objects.select_for_update()
            .filter(cluster_id=actor.cluster_id, id=account_id, user_id=actor.member_id)
            .exclude(saved_at=None)
            .first()
        )
        if account is None:
            raise UtilityAccountNotFound
        bought = Purchase.objects.filter(cluster_id=actor.cluster_id, account_id=account_id)
        if bought.filter(UNDECIDED).exists():
            raise PurchaseUnderWay
        account.number, account.hint, account.label, account.saved_at = b"", "", "", None
        account.save(update_fields=["number", "hint", "label", "saved_at"])
        _audit(actor, "utilities.account_removed", account.id, now)


def forget_old_validations(*, before: datetime) -> int:
    """Delete, in the cluster of the transaction under way, validations that expired before this and that no quote was made
    from, and quotes that nobody bought; and destroy the numbers that were neither saved nor are being bought for."""
    bought = Purchase.objects.filter(cluster_id=current_tenant()).values("quote_id")
    Quote.objects.filter(cluster_id=current_tenant(), expires_at__lt=before).exclude(id__in=bought).delete()
    quoted = Quote.objects.filter(cluster_id=current_tenant()).values("validation_id")
    old = Validation.objects.filter(cluster_id=current_tenant(), expires_at__lt=before)
    deleted, _ = old.exclude(id__in=quoted).delete()
    # Nothing can be bought for these meanwhile: that takes a validation of the last minutes.
    asked = Validation.objects.filter(cluster_id=current_tenant(), expires_at__gte=before).values("account_id")
    buying = Purchase.objects.filter(UNDECIDED, cluster_id=current_tenant()).values("account_id")
    typed = Account.objects.filter(cluster_id=current_tenant(), saved_at=None).exclude(number=b"")
    typed.exclude(id__in=asked).exclude(id__in=buying).update(number=b"")
    return deleted


def _keep_info(validation: Validation, info: CustomerInfo) -> bool:
    with tenant(validation.cluster_id), crash_points("utilities.validated"):
        _pending(validation).update(
            state=ValidationState.CONFIRMED.value,
            customer=seal(f"{info.name}\n{info.address}", bound_to=customer_place(validation.id)),
            minimum_minor=_minor(info.minimum),
            maximum_minor=_minor(info.maximum),
            fee_minor=_minor(info.fee),
        )
    return True


def _keep_refusal(validation: Validation, error: PaymentErrorType) -> bool:
    with tenant(validation.cluster_id), crash_points("utilities.validation_refused"):
        _pending(validation).update(state=ValidationState.REFUSED.value, error=error.value)
    return True


def _pending(validation: Validation) -> QuerySet[Validation]:
    return Validation.objects.filter(
        cluster_id=validation.cluster_id, id=validation.id, state=ValidationState.PENDING.value
    )


def _minor(amount: Money | None) -> int | None:
    return amount.minor if amount is not None else None


def _audit(actor: Actor, action: str, account_id: UUID, now: datetime) -> None:
    audit.record(actor=actor, action=action, subject_kind="utility_account", subject_id=account_id, at=now)
