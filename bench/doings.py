"""What pages about one thing are opened with: in an estate a dispute, a standing order and a transfer that waits; and the
platform's customers, with an invoice each that is open, and its staff."""

from __future__ import annotations

from datetime import datetime, timedelta

from bench.estates import CURRENCY, ORIGIN, Estate
from clustr.bills.commands import dispute_bill
from clustr.bills.models import Bill
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people.commands import create_platform_staff
from clustr.recurring.commands import create_recurring_payment
from clustr.recurring.types import Frequency, NewOrder
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.queries import customer_actor, offered_plan_named
from clustr.wallets.commands import transfer_from_cluster_wallet
from clustr.wallets.types import Destination

RESIDENT = 20
"""Whose pages are opened. The same of every estate: what they did about bills goes by their number, and a page says more of
who did more."""
_OBJECTOR = 30


def make_doings(estate: Estate, *, now: datetime) -> None:
    """One of each, in an estate with a history."""
    with tenant(estate.cluster_id):
        last = Bill.objects.get(cluster_id=estate.cluster_id, title="Service charge 0")
    dispute_bill(actor=estate.actor(_OBJECTOR), bill_id=last.id, reason="The pool was closed.", now=now)
    new = NewOrder("Estate fund", Money(100_000, CURRENCY), Frequency.MONTHLY, now + timedelta(days=30))
    create_recurring_payment(actor=estate.actor(RESIDENT), new=new, authorization=None, now=now)
    transfer_from_cluster_wallet(
        actor=estate.actor(0),
        amount=Money(100_000, CURRENCY),
        description="Diesel",
        destination=Destination("058", "0123456789", "Island Fuels"),
        now=now,
    )


def make_customers(estate: Estate, *, many: int, now: datetime) -> None:
    """The estate's administrator and its first residents have plans of the platform's, each with an invoice to be paid; one of
    its staff looks after them."""
    subscriptions.sync_plans(
        actor=system_actor(cluster_id=PLATFORM_CLUSTER_ID), catalogue=read_catalogue(DEFAULT_PLANS), now=now
    )
    with tenant(PLATFORM_CLUSTER_ID):
        free, basic = (offered_plan_named(code=code).id for code in ("free", "basic"))
    for member in range(many):
        actor = customer_actor(user_id=estate.user_id(member), is_platform_staff=False, origin=ORIGIN)
        begun = subscriptions.subscribe_user(actor=actor, plan_id=free, interval="month", currency=CURRENCY, now=now)
        subscriptions.change_plan(actor=actor, subscription_id=begun.id, plan_id=basic, interval="month", now=now)
    create_platform_staff(email=staff_of(estate), name="Ngozi", now=now)


def staff_of(estate: Estate) -> str:
    """The address of who of the platform's staff looks after an estate's customers."""
    return f"staff.estate{estate.number}@example.test"
