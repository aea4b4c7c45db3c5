"""Utilities as members have them: what is sold, their numbers (of each its end only), validations, quotes, purchases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from clustr.bills.queries import MemberBillFilter, bills_visible_to
from clustr.bills.types import BillCategory, BillType, MemberStatus
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.vault import unseal
from clustr.payments.models import Transaction
from clustr.payments.states import TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.utilities.models import Account, Purchase, Quote, UtilityProvider, Validation
from clustr.utilities.policies import customer_place, token_place
from clustr.utilities.refusals import (
    PurchaseNotFound,
    QuoteNotFound,
    UtilityAccountNotFound,
    UtilityProviderNotFound,
    ValidationNotFound,
)
from clustr.utilities.types import (
    AccountView,
    ProviderView,
    PurchaseView,
    QuoteView,
    UtilityBillView,
    ValidationState,
    ValidationView,
)

OPEN = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)


def of_status(*statuses: TransactionStatus) -> Exists:
    """Of purchases: those whose transaction stands so."""
    return Exists(Transaction.objects.filter(cluster_id=OuterRef("cluster_id"), id=OuterRef("id"), status__in=statuses))


UNDECIDED = of_status(*OPEN)


def utility_providers(
    *, actor: Actor, service_type: BillType | None = None, after: UUID | None = None, limit: int = 50
) -> list[ProviderView]:
    """What is sold now in the estate's currency, in the order it was first met; `after` is the last one read."""
    found = UtilityProvider.objects.filter(is_active=True, currency=actor.currency)
    if service_type:
        found = found.filter(provider_type=service_type.value)
    if after:
        found = found.filter(id__gt=after)
    return [_provider_view(row) for row in found.order_by("id")[:limit]]


def offered_provider(*, actor: Actor, provider_id: UUID) -> UtilityProvider:
    """One that is sold now in the estate's currency. Refuses `UtilityProviderNotFound`."""
    found = UtilityProvider.objects.filter(id=provider_id, is_active=True, currency=actor.currency).first()
    if found is None:
        raise UtilityProviderNotFound
    return found


def my_accounts(*, actor: Actor, q: str = "", after: UUID | None = None, limit: int = 50) -> list[AccountView]:
    """The member's saved numbers, the newest first; `after` is the last one read. `q`: part of what one is called, of its end
    or of who sells."""
    mine = Account.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).exclude(saved_at=None)
    if q:
        mine = mine.filter(id__in=accounts_called(actor=actor, q=q))
    if after:
        mine = mine.filter(id__lt=after)
    rows = list(mine.order_by("-id")[:limit])
    providers = _providers(row.provider_id for row in rows)
    return [_account_view(row, providers[row.provider_id]) for row in rows]


def accounts_called(*, actor: Actor, q: str) -> list[UUID]:
    """Those of the member's numbers, forgotten ones among them, whose name, end or seller holds this text."""
    sellers = UtilityProvider.objects.filter(name__icontains=q)
    found = Account.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).filter(
        Q(label__icontains=q) | Q(hint__icontains=q) | Q(provider_id__in=sellers.values("id"))
    )
    return list(found.values_list("id", flat=True))


def account_of_member(*, actor: Actor, account_id: UUID) -> AccountView:
    """One saved number of one's own. Refuses `UtilityAccountNotFound`."""
    found = (
        Account.objects.filter(cluster_id=actor.cluster_id, id=account_id, user_id=actor.member_id)
        .exclude(saved_at=None)
        .first()
    )
    if found is None:
        raise UtilityAccountNotFound
    return _account_view(found, UtilityProvider.objects.get(id=found.provider_id))


def validation_of_member(*, actor: Actor, validation_id: UUID, now: datetime) -> ValidationView:
    """One validation of one's own, which counts until it expires. Refuses `ValidationNotFound`, also once it has."""
    found = Validation.objects.filter(
        cluster_id=actor.cluster_id, id=validation_id, user_id=actor.member_id, expires_at__gt=now
    ).first()
    if found is None:
        raise ValidationNotFound
    account = Account.objects.get(cluster_id=actor.cluster_id, id=found.account_id)
    provider = UtilityProvider.objects.get(id=account.provider_id)
    name, address = _customer(found)
    fee = provider.fee_minor if found.fee_minor is None else found.fee_minor
    return ValidationView(
        id=found.id,
        account_id=account.id,
        provider_id=provider.id,
        provider_name=provider.name,
        ending=account.hint,
        state=ValidationState(found.state),
        error=PaymentErrorType(found.error) if found.error else None,
        customer_name=name,
        customer_address=address,
        minimum=_money(found.minimum_minor or provider.minimum_minor, provider.currency),
        maximum=_money(found.maximum_minor or provider.maximum_minor, provider.currency),
        fee=Money(fee, provider.currency),
        expires_at=found.expires_at,
    )


def customer_of_member(*, actor: Actor, validation_id: UUID | None, quote_id: UUID | None) -> tuple[str, str]:
    """Name and address that the utility gave, for a validation of one's own or for the one behind a quote; "" once they
    are forgotten."""
    mine = Validation.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    if quote_id is not None:
        quotes = Quote.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, id=quote_id)
        found = mine.filter(id__in=quotes.values("validation_id")).first()
    else:
        found = mine.filter(id__in=filter(None, [validation_id])).first()
    return _customer(found) if found is not None else ("", "")


def quote_of_member(*, actor: Actor, quote_id: UUID) -> QuoteView:
    """One quote of one's own. Refuses `QuoteNotFound`."""
    found = Quote.objects.filter(cluster_id=actor.cluster_id, id=quote_id, user_id=actor.member_id).first()
    if found is None:
        raise QuoteNotFound
    account = Account.objects.get(cluster_id=actor.cluster_id, id=found.account_id)
    provider = UtilityProvider.objects.get(id=found.provider_id)
    validation = Validation.objects.get(cluster_id=actor.cluster_id, id=found.validation_id)
    return QuoteView(
        id=found.id,
        account_id=account.id,
        provider_id=provider.id,
        provider_name=provider.name,
        ending=account.hint,
        customer_name=_customer(validation)[0],
        amount=found.amount,
        fee=found.fee,
        total=found.amount + found.fee,
        terms_digest=bytes(found.terms_digest).hex(),
        expires_at=found.expires_at,
    )


def purchase_of_member(*, actor: Actor, purchase_id: UUID) -> PurchaseView:
    """One purchase of one's own, with its token once it is delivered. Refuses `PurchaseNotFound`."""
    found = Purchase.objects.filter(cluster_id=actor.cluster_id, id=purchase_id, user_id=actor.member_id).first()
    if found is None:
        raise PurchaseNotFound
    return _purchase_views(actor, [found])[found.id]


def kept_account_of_purchase(*, actor: Actor, purchase_id: UUID) -> AccountView | None:
    """The saved number that a purchase of one's own was for; None: it was not kept, or was forgotten since."""
    bought = Purchase.objects.filter(cluster_id=actor.cluster_id, id=purchase_id, user_id=actor.member_id)
    kept = Account.objects.filter(cluster_id=actor.cluster_id, id__in=bought.values("account_id"))
    found = kept.exclude(saved_at=None).first()
    return _account_view(found, UtilityProvider.objects.get(id=found.provider_id)) if found else None


def labels_of_purchases(*, actor: Actor, purchase_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What the member calls the numbers that these purchases of theirs were for; those alone that are kept and have a name."""
    mine = Purchase.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, id__in=list(purchase_ids))
    bought = dict(mine.values_list("id", "account_id"))
    kept = Account.objects.filter(cluster_id=actor.cluster_id, id__in=set(bought.values())).exclude(saved_at=None)
    labels = dict(kept.exclude(label="").values_list("id", "label"))
    return {id: labels[account_id] for id, account_id in bought.items() if account_id in labels}


def get_user_utility_bills(
    *,
    actor: Actor,
    bill_type: BillType | None = None,
    status: MemberStatus | None = None,
    now: datetime,
    before: UUID | None = None,
    limit: int = 50,
) -> list[UtilityBillView]:
    """The member's bills that stand for purchases, newest first, each with its purchase; `before` is the last one read."""
    chosen = MemberBillFilter(status=status, type=bill_type, category=BillCategory.USER_MANAGED)
    bills = bills_visible_to(actor=actor, chosen=chosen, now=now, before=before, limit=limit)
    bought = Purchase.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, bill_id__in=[bill.id for bill in bills]
    )
    views = {view.bill_id: view for view in _purchase_views(actor, list(bought)).values()}
    return [UtilityBillView(bill, views[bill.id]) for bill in bills]


def token_of(*, purchase: Purchase) -> str:
    """Open a purchase's token; "" where there is none."""
    return unseal(bytes(purchase.token), bound_to=token_place(purchase.id)) if purchase.token else ""


def _purchase_views(actor: Actor, rows: list[Purchase]) -> dict[UUID, PurchaseView]:
    transactions = {
        row.id: row for row in Transaction.objects.filter(cluster_id=actor.cluster_id, id__in=[row.id for row in rows])
    }
    accounts = {
        row.id: row
        for row in Account.objects.filter(cluster_id=actor.cluster_id, id__in={row.account_id for row in rows})
    }
    providers = _providers(row.provider_id for row in rows)
    return {
        row.id: _purchase_view(row, transactions[row.id], accounts[row.account_id], providers[row.provider_id])
        for row in rows
    }


def _purchase_view(
    row: Purchase, transaction: Transaction, account: Account, provider: UtilityProvider
) -> PurchaseView:
    return PurchaseView(
        id=row.id,
        reference=transaction.reference,
        status=TransactionStatus(transaction.status),
        provider_id=provider.id,
        provider_name=provider.name,
        provider_type=BillType(provider.provider_type),
        label=account.label,
        ending=account.hint,
        amount=row.amount,
        fee=row.fee,
        total=row.amount + row.fee,
        bill_id=row.bill_id,
        token=token_of(purchase=row) if transaction.status == TransactionStatus.COMPLETED else "",
        units=row.units,
        tariff=row.tariff,
        waits_for=PaymentErrorType(row.waits_for) if row.waits_for else None,
        failure=transaction.failure,
        is_automated=row.is_automated,
        created_at=row.at,
        delivered_at=row.delivered_at,
    )


def _provider_view(row: UtilityProvider) -> ProviderView:
    return ProviderView(
        id=row.id,
        name=row.name,
        provider_type=BillType(row.provider_type),
        number_label=row.number_label,
        fixed=_money(row.fixed_minor, row.currency),
        minimum=_money(row.minimum_minor, row.currency),
        maximum=_money(row.maximum_minor, row.currency),
        fee=Money(row.fee_minor, row.currency),
        gives_token=row.gives_token,
    )


def _account_view(row: Account, provider: UtilityProvider) -> AccountView:
    if row.saved_at is None:
        raise AssertionError("only what is saved is shown")
    return AccountView(
        id=row.id,
        provider_id=provider.id,
        provider_name=provider.name,
        provider_type=BillType(provider.provider_type),
        label=row.label,
        ending=row.hint,
        saved_at=row.saved_at,
    )


def _customer(validation: Validation) -> tuple[str, str]:
    if not validation.customer:
        return "", ""
    name, _, address = unseal(bytes(validation.customer), bound_to=customer_place(validation.id)).partition("\n")
    return name, address


def _providers(ids: Iterable[UUID]) -> dict[UUID, UtilityProvider]:
    return {row.id: row for row in UtilityProvider.objects.filter(id__in=set(ids))}


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)
