"""What is sold: read from the services; what disappears is switched off, what comes back is switched on."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command

from clustr.bills.types import BillType
from clustr.kit.tenancy import tenant
from clustr.utilities import commands
from clustr.utilities.models import UtilityProvider
from clustr.utilities.queries import offered_provider, utility_providers
from clustr.utilities.refusals import UtilityProviderNotFound
from clustr.utilities.vendors import registry
from clustr.utilities.vendors.interface import OfferedUtility
from clustr.utilities.vendors.registry import utility_service
from tests.cast import Cast
from tests.money import naira
from tests.utilities.counter import GOTV, POSTPAID, PREPAID, WATER, Counter, make_services

IKEJA = "BIL113.UB159"


def test_it_works(counter: Counter, cast: Cast) -> None:
    with tenant(cast.cluster_id):
        electricity = utility_providers(actor=cast.bola.actor, service_type=BillType.ELECTRICITY_UTILITY)
        every = utility_providers(actor=cast.bola.actor, limit=200)
    assert {row.name for row in electricity} >= {"Eko Electric EKEDC PREPAID TOPUP", "Ikeja Electric IKEDC PREPAID"}
    assert {row.provider_type for row in every} == {
        BillType.ELECTRICITY_UTILITY,
        BillType.WATER_UTILITY,
        BillType.INTERNET_UTILITY,
        BillType.CABLE_TV_UTILITY,
    }
    assert counter.provider(PREPAID).gives_token
    assert not counter.provider(POSTPAID).gives_token
    assert counter.provider(WATER).provider_type == "water_utility"
    assert counter.provider(GOTV).fixed_minor == 850_000


def test_what_disappears_is_switched_off_and_not_deleted(counter: Counter, cast: Cast) -> None:
    known = counter.provider(IKEJA)
    try:
        counter.dial(bill__withdrawn=1)
        commands.sync_utility_providers(now=counter.now)
        gone = counter.provider(IKEJA)
        assert (gone.id, gone.is_active) == (known.id, False)
        with tenant(cast.cluster_id), pytest.raises(UtilityProviderNotFound):
            offered_provider(actor=cast.bola.actor, provider_id=gone.id)
    finally:
        counter.dial(bill__withdrawn=0)
        commands.sync_utility_providers(now=counter.now)
    back = counter.provider(IKEJA)
    assert (back.id, back.is_active, back.terms_version) == (known.id, True, known.terms_version)


@pytest.mark.parametrize("fault", ["timeout_before", "error_before", "html_after", "truncated_after", "empty_after"])
def test_a_list_that_was_not_read_changes_nothing(counter: Counter, fault: str) -> None:
    before = set(UtilityProvider.objects.filter(is_active=True).values_list("id", flat=True))
    counter.dial(**{f"list__{fault}": 1})
    assert commands.sync_utility_providers(now=counter.now) == {}
    assert set(UtilityProvider.objects.filter(is_active=True).values_list("id", flat=True)) == before


def test_a_row_that_makes_no_sense_is_left_out(
    counter: Counter, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a name, or with a most below the least; what comes before and after it is read all the same."""
    service = utility_service(name="flutterwave")
    read = service.get_utility_providers
    known = counter.provider(IKEJA)

    def with_nonsense(*, service_type: BillType) -> tuple[OfferedUtility, ...]:
        rows = read(service_type=service_type)
        wrong = {"minimum": naira("500.00"), "maximum": naira("400.00")}
        sold = [replace(row, **wrong) if row.provider_code == IKEJA else row for row in rows]
        return (*sold, replace(rows[0], provider_code="AAA", name=""))

    later = counter.now + timedelta(hours=7)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(service, "get_utility_providers", with_nonsense)
            assert commands.sync_stale_catalogue(now=later)
        assert not counter.provider(IKEJA).is_active
        assert counter.provider(POSTPAID).synced_at == counter.provider(WATER).synced_at == later
        assert not UtilityProvider.objects.filter(provider_code="AAA").exists()
        assert caplog.text.count("catalogue_row_left_out") == 5, "one of each type, and the meter's"
    finally:
        commands.sync_utility_providers(now=counter.now)
    assert counter.provider(IKEJA).is_active == known.is_active


def test_another_price_raises_the_terms(counter: Counter) -> None:
    row = counter.provider(PREPAID)
    UtilityProvider.objects.filter(id=row.id).update(fee_minor=1)
    commands.sync_utility_providers(now=counter.now)
    assert counter.provider(PREPAID).terms_version == row.terms_version + 1
    commands.sync_utility_providers(now=counter.now)
    assert counter.provider(PREPAID).terms_version == row.terms_version + 1


def test_a_fresh_catalogue_is_left_alone(counter: Counter) -> None:
    commands.sync_utility_providers(now=counter.now)
    assert not commands.sync_stale_catalogue(now=counter.now)
    assert commands.sync_stale_catalogue(now=counter.now + timedelta(hours=7))


def test_what_is_switched_off_is_not_offered(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key or its switch was removed; what another sells stays. Switched on again it is read anew."""

    def sold_by_paystack() -> bool:
        return UtilityProvider.objects.filter(api_provider="paystack", is_active=True).exists()

    services = make_services(counter, switch="flutterwave")
    with monkeypatch.context() as patched:
        patched.setattr(registry, "_registry", lambda: services)
        assert commands.sync_stale_catalogue(now=counter.now)
        assert sold_by_paystack()
    assert not commands.sync_stale_catalogue(now=counter.now)
    assert not sold_by_paystack()
    assert counter.provider().is_active
    with monkeypatch.context() as patched:
        patched.setattr(registry, "_registry", lambda: services)
        assert commands.sync_stale_catalogue(now=counter.now)
        assert sold_by_paystack()
    commands.sync_utility_providers(now=counter.now)
    assert not sold_by_paystack()


def test_the_command_says_what_it_read(counter: Counter) -> None:
    said = io.StringIO()
    call_command("sync_utility_providers", stdout=said)
    assert "flutterwave:electricity_utility: 4" in said.getvalue()
