"""The catalogue of what is sold: read from the services, and what they no longer sell switched off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.payments.providers.port import AlreadyKnown, NotOffered, ProviderRefused
from clustr.utilities.models import UtilityProvider
from clustr.utilities.vendors.interface import OfferedUtility
from clustr.utilities.vendors.registry import available_services, utility_service

log = structlog.get_logger(__name__)

FRESH_FOR = timedelta(hours=6)
"""How old the catalogue may become before the services are asked again."""

_KEEP = """
INSERT INTO utilities_provider AS p (id, name, provider_type, api_provider, provider_code, number_label, currency,
  fixed_minor, minimum_minor, maximum_minor, fee_minor, gives_token, is_active, terms_version, synced_at)
VALUES (%(id)s, %(name)s, %(type)s, %(service)s, %(code)s, %(label)s, %(currency)s, %(fixed)s, %(minimum)s, %(maximum)s,
  %(fee)s, %(token)s, true, 1, %(now)s)
ON CONFLICT (api_provider, provider_code, provider_type) DO UPDATE SET
  name = EXCLUDED.name, number_label = EXCLUDED.number_label, fixed_minor = EXCLUDED.fixed_minor,
  minimum_minor = EXCLUDED.minimum_minor, maximum_minor = EXCLUDED.maximum_minor, fee_minor = EXCLUDED.fee_minor,
  gives_token = EXCLUDED.gives_token, is_active = true, synced_at = EXCLUDED.synced_at,
  terms_version = p.terms_version + ((p.name, p.fixed_minor, p.minimum_minor, p.maximum_minor, p.fee_minor, p.gives_token)
    IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.fixed_minor, EXCLUDED.minimum_minor, EXCLUDED.maximum_minor,
                      EXCLUDED.fee_minor, EXCLUDED.gives_token))::int
RETURNING id
"""


def sync_utility_providers(*, now: datetime) -> dict[str, int]:
    """Ask every service that is switched on what it sells, outside any transaction; answers how much, by service and type.

    A list that could not be read whole changes nothing. What a list no longer holds, or holds in a way that makes no sense,
    is switched off, not deleted, and so is all of a service that is switched off itself; what comes back is switched on.
    Harmless to repeat.
    """
    counted = {}
    _switch_off_of_others(now)
    for name in available_services():
        for service_type in sorted(UTILITY_TYPES):
            try:
                offered = utility_service(name=name).get_utility_providers(service_type=service_type)
            except (NothingSent, OutcomeUnknown, ProviderRefused, NotOffered, AlreadyKnown):
                continue
            kept = _keep(name, service_type, offered, now)
            counted[f"{name}:{service_type.value}"] = kept
    return counted


def sync_stale_catalogue(*, now: datetime) -> bool:
    """Read the catalogue if it is empty or old; answers whether it was. What nobody sells any more is switched off."""
    _switch_off_of_others(now)
    fresh = UtilityProvider.objects.filter(is_active=True, synced_at__gt=now - FRESH_FOR)
    names = set(available_services())
    if not names - set(fresh.values_list("api_provider", flat=True)):
        return False
    sync_utility_providers(now=now)
    return True


def _switch_off_of_others(now: datetime) -> None:
    """Offer nothing of a service without its key or switch: it could be chosen, and not be bought."""
    there = UtilityProvider.objects.filter(is_active=True).exclude(api_provider__in=available_services())
    there.update(is_active=False, synced_at=now)


def _keep(service: str, service_type: BillType, offered: Iterable[OfferedUtility], now: datetime) -> int:
    with transaction.atomic(durable=True), crash_points("utilities.sync"):
        kept = []
        for one in sorted(offered, key=lambda offered: offered.provider_code):
            try:
                with transaction.atomic():
                    kept.append(_keep_one(service, service_type, one, now))
            except (IntegrityError, DataError):
                log.warning("catalogue_row_left_out", service=service, type=service_type.value, code=one.provider_code)
        gone = UtilityProvider.objects.filter(api_provider=service, provider_type=service_type.value, is_active=True)
        gone.exclude(id__in=kept).update(is_active=False, synced_at=now)
    return len(kept)


def _keep_one(service: str, service_type: BillType, one: OfferedUtility, now: datetime) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "id": new_id(),
                "name": one.name,
                "type": service_type.value,
                "service": service,
                "code": one.provider_code,
                "label": one.number_label,
                "currency": one.currency,
                "fixed": _minor(one.fixed),
                "minimum": _minor(one.minimum),
                "maximum": _minor(one.maximum),
                "fee": one.fee.minor,
                "token": one.gives_token,
                "now": now,
            },
        )
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def _minor(amount: Money | None) -> int | None:
    return amount.minor if amount is not None else None
