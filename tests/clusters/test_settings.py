"""A cluster's settings: read, changed, refused."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clustr.audit import queries as audit
from clustr.clusters.commands import create_cluster, update_settings
from clustr.clusters.queries import settings_of
from clustr.clusters.refusals import AdminOnly
from clustr.clusters.types import FeeBearer, PendingLimit, SettingsChanges
from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import Invalid, InvalidValue, Refusal
from clustr.kit.ids import new_id
from clustr.kit.money import CurrencyMismatch, Money, UnknownCurrency
from clustr.kit.tenancy import tenant
from clustr.people.models import Mail
from tests.cast import Cast, Person

DAY = timedelta(days=1)


def change(cast: Cast, by: Person | None = None, **changes: Any) -> None:
    update_settings(actor=(by or cast.ada).actor, changes=SettingsChanges(**changes), now=cast.now)


def test_it_works(cast: Cast) -> None:
    change(
        cast,
        name=" Palm  Grove Estate ",
        timezone="Africa/Nairobi",
        transfer_approval_limit=Money(5_000_000, "NGN"),
        support_email="Help@PalmGrove.test",
        fee_bearer=FeeBearer.PAYER,
    )
    held = settings_of(actor=cast.ada.actor, now=cast.now)
    assert (held.name, held.timezone, held.support_email) == (
        "Palm Grove Estate",
        "Africa/Nairobi",
        "help@palmgrove.test",
    )
    assert (held.transfer_approval_limit, held.fee_bearer) == (Money(5_000_000, "NGN"), FeeBearer.PAYER)
    assert settings_of(actor=cast.dayo.actor, now=cast.now).name == "Lekki Gardens"
    with tenant(cast.cluster_id):
        (event,) = audit.audit_events(actor=cast.ada.actor)
    assert (event.action, event.facts["timezone"]) == (
        "clusters.settings_changed",
        ["Africa/Lagos", "Africa/Nairobi"],
    )


def test_what_stays_the_same_is_not_on_the_trail(cast: Cast) -> None:
    change(cast, name="Palm Grove")
    with tenant(cast.cluster_id):
        assert audit.audit_events(actor=cast.ada.actor) == []


def test_no_limit_means_one_person_suffices(cast: Cast) -> None:
    change(cast, transfer_approval_limit=None)
    assert settings_of(actor=cast.ada.actor, now=cast.now + DAY).transfer_approval_limit is None


LOW, HIGH, USUAL = Money(100, "NGN"), Money(900_000_000, "NGN"), Money(100_000_000, "NGN")


def limit(cast: Cast, after: timedelta) -> Money | None:
    return settings_of(actor=cast.ada.actor, now=cast.now + after).transfer_approval_limit


@pytest.mark.parametrize("looser", [HIGH, None])
def test_a_looser_limit_counts_a_day_later(cast: Cast, looser: Money | None) -> None:
    change(cast, transfer_approval_limit=looser)
    assert [limit(cast, after) for after in (timedelta(0), DAY - timedelta(seconds=1), DAY)] == [USUAL, USUAL, looser]
    held = settings_of(actor=cast.ada.actor, now=cast.now)
    assert held.pending_limit == PendingLimit(looser, cast.now + DAY)
    assert settings_of(actor=cast.ada.actor, now=cast.now + DAY).pending_limit is None


def test_a_stricter_limit_counts_at_once(cast: Cast) -> None:
    change(cast, transfer_approval_limit=None)
    change(cast, transfer_approval_limit=LOW)
    assert [limit(cast, timedelta(0)), limit(cast, DAY)] == [LOW, LOW]
    assert settings_of(actor=cast.ada.actor, now=cast.now).pending_limit is None


def test_no_number_of_steps_makes_a_limit_looser_sooner(cast: Cast) -> None:
    for step in (None, HIGH, None, Money(200_000_000, "NGN"), HIGH):
        change(cast, transfer_approval_limit=step)
        assert limit(cast, DAY - timedelta(seconds=1)) == USUAL
    change(cast, transfer_approval_limit=USUAL)
    assert limit(cast, DAY) == USUAL


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"name": " "}, InvalidValue),
        ({"name": "x" * 201}, InvalidValue),
        ({"timezone": "Lagos"}, InvalidValue),
        ({"timezone": "EST5EDT"}, InvalidValue),
        ({"timezone": "../../etc/passwd"}, InvalidValue),
        ({"support_email": "nobody"}, Invalid),
        ({"transfer_approval_limit": Money(1, "USD")}, CurrencyMismatch),
    ],
)
def test_invalid_values_are_refused(cast: Cast, changes: dict[str, Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        change(cast, **changes)


def test_it_needs_the_permission(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        with pytest.raises(PermissionMissing):
            change(cast, by=person, name="Mine")


def test_money_matters_are_the_administrators(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    change(cast, by=manager, support_email="help@palmgrove.test")
    for changes in ({"transfer_approval_limit": None}, {"fee_bearer": FeeBearer.PAYER}):
        with pytest.raises(AdminOnly):
            change(cast, by=manager, **changes)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"currency": "JPY"}, UnknownCurrency),
        ({"timezone": "Moon/Base"}, InvalidValue),
        ({"name": ""}, InvalidValue),
        ({"admin_email": "ada"}, Invalid),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(cast: Cast, values: dict[str, str], refusal: type[Refusal]) -> None:
    given = {"name": "X", "admin_email": "ada@example.test", "currency": "NGN", "timezone": "Africa/Lagos"} | values
    with pytest.raises(refusal):
        create_cluster(**given, now=cast.now)


def test_the_command_line_founds_a_cluster() -> None:
    email, out = f"{new_id()}@example.test", StringIO()
    call_command("create_cluster", "Ikoyi", admin=email, currency="NGN", timezone="Africa/Lagos", stdout=out)
    assert "Founded Ikoyi" in out.getvalue()
    assert Mail.objects.filter(address=email).count() == 1
    with pytest.raises(CommandError, match="invalid_value"):
        call_command("create_cluster", "Ikoyi", admin=email, currency="NGN", timezone="Nowhere/Here", stdout=out)
