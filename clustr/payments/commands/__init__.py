"""The only writers of transactions, and of what passes between us and the providers about them."""

from clustr.payments.commands.attempts import (
    end_checks,
    hear_attempt,
    keep_checkout,
    note_exchange,
    open_attempt,
    provider_reference_of,
    schedule_check,
    send_attempt,
    unsend_attempt,
)
from clustr.payments.commands.cases import (
    close_case,
    end_case,
    is_asked,
    keep_case,
    open_case,
    settle_case,
    settle_case_about,
    take_case,
)
from clustr.payments.commands.holds import hold_outgoing, is_held, release_outgoing
from clustr.payments.commands.inbox import (
    finish_notice,
    forget_old_notices,
    postpone_notice,
    receive_notice,
)
from clustr.payments.commands.methods import remove_method, save_method, token_of
from clustr.payments.commands.settlements import record_settlement
from clustr.payments.commands.transactions import (
    cancel_transaction,
    complete_transaction,
    count_refund,
    create_transaction,
    lock_refundable,
    lock_transaction,
    on_its_way_back,
    refund_transactions,
    refuse_taken_reference,
    step_transaction,
)
from clustr.payments.figures import Steps, tell_payment, tell_payments

__all__ = [
    "Steps",
    "cancel_transaction",
    "close_case",
    "complete_transaction",
    "count_refund",
    "create_transaction",
    "end_case",
    "end_checks",
    "finish_notice",
    "forget_old_notices",
    "hear_attempt",
    "hold_outgoing",
    "is_asked",
    "is_held",
    "keep_case",
    "keep_checkout",
    "lock_refundable",
    "lock_transaction",
    "note_exchange",
    "on_its_way_back",
    "open_attempt",
    "open_case",
    "postpone_notice",
    "provider_reference_of",
    "receive_notice",
    "record_settlement",
    "refund_transactions",
    "refuse_taken_reference",
    "release_outgoing",
    "remove_method",
    "save_method",
    "schedule_check",
    "send_attempt",
    "settle_case",
    "settle_case_about",
    "step_transaction",
    "take_case",
    "tell_payment",
    "tell_payments",
    "token_of",
    "unsend_attempt",
]
