"""Jobs of standing orders: run what is due, cluster by cluster, and tell people how it went."""

from __future__ import annotations

from uuid import UUID

from clustr.kit import clock
from clustr.kit.going_on import through_estates
from clustr.kit.jobs import MESSAGES, MONEY, periodic, task
from clustr.recurring import commands

BATCHES_A_JOB = 20
"""A job does so many batches and asks for the next: other work comes in between, and a stop is not waited for long."""


@periodic(cron="0 * * * *", name="recurring.process_recurring_payments", queue=MONEY)
def process_recurring_payments(timestamp: int) -> None:
    """Every hour: run the recurring payments that are due."""
    del timestamp
    commands.ask_to_process_recurring_payments(now=clock.now())


@task(name="recurring.process_cluster", queue=MONEY)
def process_cluster(cluster_id: str, lane: str = "0") -> None:
    """Run what is due in one cluster; in each lane another worker may."""
    done = commands.process_recurring_payments_of(cluster_id=UUID(cluster_id), now=clock.now(), batches=BATCHES_A_JOB)
    if done.total:
        commands.ask_to_process_cluster(cluster_id=UUID(cluster_id), lane=int(lane))


@periodic(cron="30 6 * * *", name="recurring.send_recurring_payment_reminders", queue=MESSAGES)
def send_recurring_payment_reminders(timestamp: int) -> None:
    """Every morning: remind members of recurring payments that run soon, with what their wallets will lack."""
    del timestamp
    commands.send_recurring_payment_reminders(now=clock.now())


@periodic(cron="35 6 * * *", name="recurring.send_automation_reminders", queue=MESSAGES)
def send_automation_reminders(timestamp: int) -> None:
    """Every morning: remind members of what their automations buy soon, with what their wallets will lack."""
    del timestamp
    commands.ask_to_send_automation_reminders(now=clock.now())


@task(name="recurring.remind_of_automations", queue=MESSAGES)
def remind_of_automations(cluster_id: str) -> None:
    """Remind the members of one cluster of what their automations buy soon."""
    commands.send_automation_reminders_of(cluster_id=UUID(cluster_id), now=clock.now())


@periodic(cron="0 4 1 * *", name="recurring.clean_up_old_records")
def clean_up_old_records(timestamp: int) -> None:
    """Every month: delete technical records that have outlived their use; never money or consent."""
    del timestamp
    commands.clean_up_old_records(now=clock.now())


@periodic(cron="* * * * *", name="recurring.tell_of_runs", queue=MESSAGES)
def tell_of_runs(timestamp: int) -> None:
    """Every minute: tell members how their recurring payments went."""
    del timestamp
    now = clock.now()
    through_estates(commands.untold_clusters(), lambda id: commands.tell_of_runs(cluster_id=id, now=now))


@periodic(cron="* * * * *", name="recurring.run_utility_automations", queue=MONEY)
def run_utility_automations(timestamp: int) -> None:
    """Every minute: have the automations that are due buy, and look at what became of what they bought."""
    del timestamp
    commands.ask_to_run_automations(now=clock.now())


@task(name="recurring.run_automations", queue=MONEY)
def run_automations(cluster_id: str, user_id: str) -> None:
    """Buy what one member's automations are due."""
    commands.run_automations_of(cluster_id=UUID(cluster_id), user_id=UUID(user_id), now=clock.now())


@task(name="recurring.follow_automations", queue=MONEY)
def follow_automations(cluster_id: str) -> None:
    """Look at what became of what a cluster's automations bought and charged."""
    commands.follow_automations(cluster_id=UUID(cluster_id), now=clock.now())
