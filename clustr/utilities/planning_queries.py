"""What planning ahead needs of utilities: what is sold for a saved number, at which bounds and fee, and what was bought for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.types import BillType
from clustr.kit.tenancy import current_tenant
from clustr.utilities.models import Account, UtilityProvider, Validation
from clustr.utilities.types import ValidationState

HISTORY = 24
"""How many of the last deliveries are looked at."""


_DELIVERIES = """
SELECT d.account_id, d.at, d.amount_minor FROM (
  SELECT p.account_id, p.at, p.amount_minor, row_number() OVER (PARTITION BY p.account_id ORDER BY p.id DESC) AS n
  FROM utilities_purchase p JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
  WHERE p.cluster_id = kit_tenant() AND p.account_id = ANY(%(accounts)s) AND t.status = 'completed') AS d
WHERE d.n <= %(most)s ORDER BY d.account_id, d.n DESC"""


@dataclass(frozen=True, slots=True)
class Sold:
    """What is sold for a number, as the utility last said when it confirmed it, else as the catalogue has it; amounts in
    minor units. `label`: what its member calls it. `is_sold`: whether it still is, and the number was not removed."""

    account_id: UUID
    provider_id: UUID
    name: str
    label: str
    ending: str
    type: BillType
    currency: str
    fixed_minor: int | None
    minimum_minor: int
    maximum_minor: int | None
    fee_minor: int
    is_sold: bool

    @property
    def allows_parts(self) -> bool:
        """Whether less than what is asked for can be bought."""
        return self.fixed_minor is None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was bought for a number once, in minor units and without the fee, and when it was delivered."""

    at: datetime
    amount_minor: int


def sold_for(*, account_ids: Iterable[UUID]) -> dict[UUID, Sold]:
    """By number, in the cluster of the transaction under way: what is sold for it."""
    accounts = list(Account.objects.filter(cluster_id=current_tenant(), id__in=set(account_ids)))
    providers = UtilityProvider.objects.in_bulk({account.provider_id for account in accounts})
    confirmed = Validation.objects.filter(
        cluster_id=current_tenant(),
        account_id__in=[account.id for account in accounts],
        state=ValidationState.CONFIRMED.value,
    )
    latest = confirmed.order_by("account_id", "-asked_at", "-id").distinct("account_id")
    last = {each.account_id: each for each in latest}
    return {account.id: _sold(account, providers[account.provider_id], last.get(account.id)) for account in accounts}


def deliveries_for(*, account_ids: Iterable[UUID]) -> dict[UUID, list[Delivery]]:
    """By number, in the cluster of the transaction under way: the last that was delivered, the oldest first."""
    wanted = list(set(account_ids))
    found: dict[UUID, list[Delivery]] = {account_id: [] for account_id in wanted}
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERIES, {"accounts": wanted, "most": HISTORY})
        for account_id, at, amount_minor in cursor.fetchall():
            found[account_id].append(Delivery(at, amount_minor))
    return found


def _sold(account: Account, provider: UtilityProvider, said: Validation | None) -> Sold:
    bounds = (provider.minimum_minor, said.minimum_minor if said else None)
    tops = (provider.maximum_minor, said.maximum_minor if said else None)
    fee = said.fee_minor if said is not None and said.fee_minor is not None else provider.fee_minor
    return Sold(
        account_id=account.id,
        provider_id=provider.id,
        name=provider.name,
        label=account.label,
        ending=account.hint,
        type=BillType(provider.provider_type),
        currency=provider.currency,
        fixed_minor=provider.fixed_minor,
        minimum_minor=max(filter(None, bounds), default=1),
        maximum_minor=min(filter(None, tops), default=None),
        fee_minor=fee,
        is_sold=provider.is_active and account.saved_at is not None and bool(account.number),
    )
