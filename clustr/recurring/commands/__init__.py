"""The only writers of standing orders: setting up, running, pausing, resuming, cancelling."""

from clustr.recurring.commands.automation_following import (
    ask_to_run_automations,
    due_members,
    follow_automations,
    followed_clusters,
    run_utility_automations,
)
from clustr.recurring.commands.automation_ordering import (
    edit_automation,
    remove_automation,
    set_spending_limit,
    setup_recurring_utility_payment,
)
from clustr.recurring.commands.automation_reminding import (
    ask_to_send_automation_reminders,
    count_automation_reminders,
    send_automation_reminders,
    send_automation_reminders_of,
)
from clustr.recurring.commands.automation_running import run_automations_of
from clustr.recurring.commands.charged import (
    ask_for_confirmation,
    fail_card_charge,
    lock_for_settlement,
    settle_card_charge,
)
from clustr.recurring.commands.cleaning import clean_up_old_records, count_old_records
from clustr.recurring.commands.ordering import (
    cancel_recurring_payment,
    create_recurring_payment,
    edit_recurring_payment,
    pause_recurring_payment,
    pause_recurring_payment_of_member,
    release_recurring_payment_of_member,
    resume_recurring_payment,
)
from clustr.recurring.commands.refunding import refund_contribution
from clustr.recurring.commands.reminding import count_reminders, send_recurring_payment_reminders
from clustr.recurring.commands.running import process_payment, process_recurring_payments_of
from clustr.recurring.commands.scheduled import (
    ask_to_process_cluster,
    ask_to_process_recurring_payments,
    count_due,
    due_clusters,
    one_at_a_time,
    process_recurring_payments,
)
from clustr.recurring.commands.telling import tell_of_runs, untold_clusters

__all__ = [
    "ask_for_confirmation",
    "ask_to_process_cluster",
    "ask_to_process_recurring_payments",
    "ask_to_run_automations",
    "ask_to_send_automation_reminders",
    "cancel_recurring_payment",
    "clean_up_old_records",
    "count_automation_reminders",
    "count_due",
    "count_old_records",
    "count_reminders",
    "create_recurring_payment",
    "due_clusters",
    "due_members",
    "edit_automation",
    "edit_recurring_payment",
    "fail_card_charge",
    "follow_automations",
    "followed_clusters",
    "lock_for_settlement",
    "one_at_a_time",
    "pause_recurring_payment",
    "pause_recurring_payment_of_member",
    "process_payment",
    "process_recurring_payments",
    "process_recurring_payments_of",
    "refund_contribution",
    "release_recurring_payment_of_member",
    "remove_automation",
    "resume_recurring_payment",
    "run_automations_of",
    "run_utility_automations",
    "send_automation_reminders",
    "send_automation_reminders_of",
    "send_recurring_payment_reminders",
    "set_spending_limit",
    "settle_card_charge",
    "setup_recurring_utility_payment",
    "tell_of_runs",
    "untold_clusters",
]
