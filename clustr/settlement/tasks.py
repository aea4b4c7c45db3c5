"""Jobs of settlement: ask about an attempt, act on a notice, send a payout, charge fees; and the sweeps that ask for them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from clustr.kit import clock
from clustr.kit.jobs import MONEY, periodic, task
from clustr.payments import commands as payments
from clustr.settlement import commands
from clustr.wallets import commands as wallets

NOTICES_KEPT = timedelta(days=90)
RECONCILED, STILL_MOVING = timedelta(days=3), timedelta(minutes=15)
"""How far a night's reconciliation looks back at least, and what is too young to be compared."""


@task(name="settlement.confirm", queue=MONEY)
def confirm(cluster_id: str, transaction_id: str) -> None:
    """Ask the provider what became of an attempt. If that fails by an error, it is asked about ever more seldom."""
    asked = {"cluster_id": UUID(cluster_id), "transaction_id": UUID(transaction_id)}
    try:
        commands.confirm_payment(**asked, now=clock.now())
    except Exception:
        commands.postpone_confirm(**asked, now=clock.now())
        raise


@task(name="settlement.handle_notice", queue=MONEY)
def handle_notice(notice_id: str) -> None:
    """Act on a provider's notice. If that fails by an error, it is tried ever more seldom."""
    try:
        commands.handle_notice(notice_id=UUID(notice_id), now=clock.now())
    except Exception:
        commands.postpone_notice(notice_id=UUID(notice_id), failed=True, now=clock.now())
        raise


@task(name="settlement.send_payout", queue=MONEY)
def send_payout(cluster_id: str, transaction_id: str) -> None:
    """Send a payout that may go."""
    commands.send_payout(cluster_id=UUID(cluster_id), transaction_id=UUID(transaction_id), now=clock.now())


@task(name="settlement.send_refund", queue=MONEY)
def send_refund(cluster_id: str, transaction_id: str) -> None:
    """Ask a provider to give a payment back."""
    commands.send_refund(cluster_id=UUID(cluster_id), transaction_id=UUID(transaction_id), now=clock.now())


@task(name="settlement.charge_saved_card", queue=MONEY)
def charge_saved_card(cluster_id: str, transaction_id: str) -> None:
    """Charge the saved card of a payment that was recorded."""
    commands.charge_saved_card(cluster_id=UUID(cluster_id), transaction_id=UUID(transaction_id), now=clock.now())


@task(name="settlement.charge_fees", queue=MONEY)
def charge_fees(cluster_id: str) -> None:
    """Take from a cluster's wallet what providers kept."""
    wallets.charge_fees_to_cluster(cluster_id=UUID(cluster_id), now=clock.now())


@periodic(cron="* * * * * */5", name="settlement.ask_about_due", queue=MONEY)
def ask_about_due(timestamp: int) -> None:
    """Every 5 seconds: ask about the payments whose time has come, and act on notices that wait."""
    del timestamp
    commands.ask_about_due(now=clock.now())
    commands.handle_due_notices(now=clock.now())


@periodic(cron="*/5 * * * *", name="settlement.send_waiting_payouts", queue=MONEY)
def send_waiting_payouts(timestamp: int) -> None:
    """Every 5 minutes: send the payouts that may go and were not."""
    del timestamp
    commands.send_waiting_payouts(now=clock.now())


@periodic(cron="37 * * * *", name="settlement.charge_waiting_fees", queue=MONEY)
def charge_waiting_fees(timestamp: int) -> None:
    """Every hour: take what providers kept from the estates whose wallets held too little before."""
    del timestamp
    commands.charge_waiting_fees(now=clock.now())


@periodic(cron="11 4 * * *", name="settlement.forget_old_notices")
def forget_old_notices(timestamp: int) -> None:
    """Every night: delete providers' notices that were acted on three months ago."""
    del timestamp
    payments.forget_old_notices(before=clock.now() - NOTICES_KEPT)


@periodic(cron="53 3 * * *", name="settlement.reconcile_payouts", queue=MONEY)
def reconcile_payouts(timestamp: int) -> None:
    """Every night, before the payments: compare the payouts of the last days with what the providers list."""
    del timestamp
    now = clock.now()
    commands.reconcile_payouts(since=now - RECONCILED, until=now - STILL_MOVING, now=now, go_on=True)


@periodic(cron="43 4 * * *", name="settlement.reconcile_balances", queue=MONEY)
def reconcile_balances(timestamp: int) -> None:
    """Every night, after the payments: compare what the providers say they hold with what all estates own there by the books."""
    del timestamp
    commands.reconcile_balances(now=clock.now())


@periodic(cron="23 4 * * *", name="settlement.reconcile", queue=MONEY)
def reconcile(timestamp: int) -> None:
    """Every night: compare the last days with what the providers list; book what was missed, open a case for the rest."""
    del timestamp
    now = clock.now()
    commands.reconcile(since=now - RECONCILED, until=now - STILL_MOVING, now=now, go_on=True)
