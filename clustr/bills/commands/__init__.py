"""The only writers of bills: issuing, consent, disputes, payment, refunds."""

from clustr.bills.commands.consent import (
    acknowledge_bill,
    acknowledge_bill_once,
    acknowledged_bill_of,
    dispute_bill,
    resolve_dispute,
    withdraw_dispute,
)
from clustr.bills.commands.direct import judge_direct_payment, lock_for_settlement, settle_direct_payment
from clustr.bills.commands.importing import create_bills_of_sheet, preview_sheet
from clustr.bills.commands.issuing import (
    create_bulk_bills,
    create_cluster_wide_bill,
    create_user_specific_bill,
    edit_bill,
)
from clustr.bills.commands.paying import pay_bill, pay_bill_once, payment_of, record_offline_bill_payment
from clustr.bills.commands.paying_many import hold_payable_bills, part_to_pay, pay_held_bills
from clustr.bills.commands.refunding import (
    cancel_bill,
    refund_bill_payment,
    take_back_payment,
    update_bill_status,
)
from clustr.bills.commands.reminding import (
    check_overdue_bills,
    count_bills_due_soon,
    count_overdue_bills,
    remind_of_bill,
    send_bill_reminders,
)
from clustr.bills.commands.utility import (
    close_utility_bill,
    lock_utility_bill,
    open_utility_bill,
    settle_utility_bill,
)

__all__ = [
    "acknowledge_bill",
    "acknowledge_bill_once",
    "acknowledged_bill_of",
    "cancel_bill",
    "check_overdue_bills",
    "close_utility_bill",
    "count_bills_due_soon",
    "count_overdue_bills",
    "create_bills_of_sheet",
    "create_bulk_bills",
    "create_cluster_wide_bill",
    "create_user_specific_bill",
    "dispute_bill",
    "edit_bill",
    "hold_payable_bills",
    "judge_direct_payment",
    "lock_for_settlement",
    "lock_utility_bill",
    "open_utility_bill",
    "part_to_pay",
    "pay_bill",
    "pay_bill_once",
    "pay_held_bills",
    "payment_of",
    "preview_sheet",
    "record_offline_bill_payment",
    "refund_bill_payment",
    "remind_of_bill",
    "resolve_dispute",
    "send_bill_reminders",
    "settle_direct_payment",
    "settle_utility_bill",
    "take_back_payment",
    "update_bill_status",
    "withdraw_dispute",
]
