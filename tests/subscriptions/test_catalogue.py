"""The catalogue: what a setting may say, and what it says by default."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.subscriptions.catalogue import DEFAULT_PLANS, CatalogueWrong, read_catalogue
from clustr.subscriptions.models import SubscriptionPlan


def test_it_works() -> None:
    """The customer's own figures: free 50, 5 and 1; basic 500, 50 and 10."""
    plans = {plan.code: plan for plan in read_catalogue(DEFAULT_PLANS)}
    assert list(plans) == ["free", "basic", "pro", "enterprise"]
    features = ("ai_responses", "document_uploads", "storage_gb")
    said = {code: tuple(plans[code].limits[feature] for feature in features) for code in ("free", "basic")}
    assert said == {"free": (50, 5, 1), "basic": (500, 50, 10)}
    assert plans["basic"].price_yearly < 12 * plans["basic"].price_monthly


@pytest.mark.parametrize(
    "plan",
    [
        {"price_monthly": -1},
        {"price_monthly": 10.5},
        {"price_monthly": True},
        {"colour": "red"},
        {"trial_days": 731},
        {"ai_responses_limit": "many"},
        {"prices": {"NGN": {"month": 1}}},
        {"prices": {"XXX": {"month": 1, "year": 1}}},
        {"overage": {"ai_responses": {"USD": "1"}}},
        {"ai_responses_limit": 1, "overage": {"ai_responses": {"USD": 1}}},
        {"ai_responses_limit": 1, "overage": {"ai_responses": {"USD": "-1"}}},
        {"ai_responses_limit": 1, "overage": {"ai_responses": {"USD": "dear"}}},
    ],
)
def test_nonsense_is_told(plan: dict[str, Any]) -> None:
    with pytest.raises(CatalogueWrong, match="'odd'"):
        read_catalogue({"odd": plan})
    with pytest.raises(CatalogueWrong, match="code"):
        read_catalogue({"Odd Code": {}})


def test_the_command_offers_what_the_setting_says(settings: Any) -> None:
    out = StringIO()
    call_command("sync_plans", stdout=out)
    call_command("sync_plans", stdout=out)
    assert out.getvalue().splitlines()[-1] == "Nothing has changed."
    with tenant(PLATFORM_CLUSTER_ID):
        offered = SubscriptionPlan.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, is_active=True)
        assert set(offered.values_list("code", flat=True)) == set(DEFAULT_PLANS)
    settings.SUBSCRIPTION_PLANS = {"odd": {"price_monthly": -1}}
    with pytest.raises(CommandError, match="odd"):
        call_command("sync_plans")
