"""A new command that changes what money may do fails here until it has crash points and a request that passes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

from clustr.bills import commands as bills
from clustr.ledger import commands as ledger
from clustr.payments import commands as payments
from clustr.recurring import commands as recurring
from clustr.settlement import commands as settlement
from clustr.subscriptions import commands as subscriptions
from clustr.utilities import commands as utilities
from clustr.wallets import commands as wallets
from tests.crash.automating import AUTOMATIONS_COVER
from tests.crash.buying import UTILITIES_COVER
from tests.crash.requests import REQUESTS
from tests.crash.settling import COVERS
from tests.crash.test_pins import IN_DOORS_COMMIT
from tests.crash.test_recurring import IN_A_SWEEP
from tests.subscriptions.test_crash_points import CASES as SUBSCRIPTIONS
from tests.subscriptions.test_stripe_crashes import BEGINS

ROOMS = {
    "ledger": ledger,
    "payments": payments,
    "wallets": wallets,
    "bills": bills,
    "utilities": utilities,
    "recurring": recurring,
    "subscriptions": subscriptions,
    "settlement": settlement,
}

PLACES = {
    "wallets.credit_cluster_wallet": "wallets.credit",
    "wallets.receive_offline": "wallets.receive_offline",
    "wallets.reverse_offline_receipt": "wallets.reverse_receipt",
    "wallets.transfer_from_cluster_wallet": "wallets.transfer",
    "wallets.approve_transfer": "wallets.approve",
    "wallets.reject_transfer": "wallets.reject",
    "wallets.withdraw": "wallets.withdraw",
    "wallets.freeze_wallet": "wallets.freeze",
    "wallets.unfreeze_wallet": "wallets.unfreeze",
    "wallets.set_pin": "wallets.keep_pin",
    "wallets.keep_pin": "wallets.keep_pin",
    "wallets.request_pin_reset": "wallets.request_pin_reset",
    "wallets.reset_pin": "wallets.keep_pin",
    "bills.create_cluster_wide_bill": "bills.create",
    "bills.create_user_specific_bill": "bills.create",
    "bills.create_bulk_bills": "bills.create_bulk",
    "bills.create_bills_of_sheet": "bills.create_bulk",
    "bills.edit_bill": "bills.edit",
    "bills.acknowledge_bill": "bills.acknowledge",
    "bills.acknowledge_bill_once": "bills.acknowledge",
    "bills.dispute_bill": "bills.dispute",
    "bills.withdraw_dispute": "bills.withdraw_dispute",
    "bills.resolve_dispute": "bills.resolve_dispute",
    "bills.pay_bill": "bills.pay",
    "bills.pay_bill_once": "bills.pay",
    "bills.record_offline_bill_payment": "bills.pay_offline",
    "bills.refund_bill_payment": "bills.refund",
    "bills.cancel_bill": "bills.cancel",
    "bills.update_bill_status": "bills.cancel",
    "recurring.create_recurring_payment": "recurring.create",
    "recurring.edit_recurring_payment": "recurring.edit",
    "recurring.pause_recurring_payment": "recurring.pause",
    "recurring.pause_recurring_payment_of_member": "recurring.pause_of_member",
    "recurring.release_recurring_payment_of_member": "recurring.release",
    "recurring.resume_recurring_payment": "recurring.resume",
    "recurring.cancel_recurring_payment": "recurring.cancel",
    "recurring.process_payment": "recurring.run",
    "recurring.process_recurring_payments_of": "recurring.run",
    "recurring.tell_of_runs": "recurring.tell",
    "recurring.send_automation_reminders_of": "recurring.remind_of_automations",
    "recurring.refund_contribution": "recurring.refund",
    "recurring.setup_recurring_utility_payment": "recurring.set_up_automation",
    "recurring.edit_automation": "recurring.edit_automation",
    "recurring.set_spending_limit": "recurring.set_spending_limit",
    "recurring.remove_automation": "recurring.remove_automation",
    "recurring.run_automations_of": "recurring.plan_automations",
    "recurring.follow_automations": "recurring.follow_automation",
    "payments.receive_notice": "payments.receive_notice",
    "wallets.charge_fees_to_cluster": "wallets.charge_fees",
    "settlement.prepare_deposit": "settlement.prepare",
    "settlement.prepare_bill_payment": "settlement.prepare",
    "settlement.prepare_retry": "settlement.prepare",
    "settlement.open_checkout": "settlement.started",
    "settlement.confirm_payment": "settlement.unheard",
    "settlement.verify_payment": "settlement.unheard",
    "settlement.send_payout": "settlement.record_payout",
    "settlement.issue_receipt": "settlement.receipt",
    "utilities.process_one_time_utility_payment": "utilities.buy",
    "utilities.screen_purchase": "utilities.screen",
    "utilities.quote_utility": "utilities.quote",
    "utilities.vend_purchase": "utilities.record_vend",
    "utilities.confirm_purchase": "utilities.record_vend",
    "utilities.prepare_validation": "utilities.prepare_validation",
    "utilities.prepare_kept_validation": "utilities.prepare_validation",
    "utilities.know_kept_customer": "utilities.prepare_validation",
    "utilities.validate_utility_customer": "utilities.validated",
    "utilities.ask_customer": "utilities.validated",
    "utilities.save_account": "utilities.save_account",
    "utilities.remove_account": "utilities.remove_account",
    "utilities.resend_token": "utilities.resend_token",
    "utilities.end_purchase": "utilities.end_purchase",
    "utilities.sync_utility_providers": "utilities.sync",
    "settlement.refund_to_source": "settlement.refund",
    "settlement.send_refund": "settlement.record_refund",
    "settlement.charge_saved_card": "settlement.record_charge",
    "wallets.cancel_withdrawal": "wallets.cancel_withdrawal",
    "wallets.stop_withdrawal": "wallets.stop_withdrawal",
    "wallets.place_suspense": "wallets.place_suspense",
    "subscriptions.subscribe_user": "subscriptions.subscribe",
    "subscriptions.upgrade_plan": "subscriptions.upgrade",
    "subscriptions.downgrade_plan": "subscriptions.downgrade",
    "subscriptions.cancel_subscription": "subscriptions.cancel",
    "subscriptions.reactivate_subscription": "subscriptions.reactivate",
    "subscriptions.apply_coupon": "subscriptions.apply_coupon",
    "subscriptions.renew_subscription": "subscriptions.renew",
    "subscriptions.settle_standing": "subscriptions.settle_standing",
    "subscriptions.process_payment": "subscriptions.process_payment",
    "subscriptions.handle_failed_payment": "subscriptions.handle_failed_payment",
    "subscriptions.write_off_invoice": "subscriptions.write_off",
    "subscriptions.void_invoice": "subscriptions.void",
    "subscriptions.credit_invoice": "subscriptions.credit_invoice",
    "subscriptions.deliver_invoice": "subscriptions.keep_clearance",
    "subscriptions.record_usage": "subscriptions.record_usage",
    "subscriptions.buy_usage_pack": "subscriptions.buy_usage_pack",
    "subscriptions.begin_subscribing": "subscriptions.begin_at_stripe",
    "subscriptions.begin_change": "subscriptions.begin_at_stripe",
    "subscriptions.begin_cancelling": "subscriptions.begin_at_stripe",
    "subscriptions.begin_reactivating": "subscriptions.begin_at_stripe",
    "subscriptions.begin_coupon": "subscriptions.begin_at_stripe",
    "subscriptions.begin_setup": "subscriptions.begin_at_stripe",
    "subscriptions.begin_forgetting": "subscriptions.begin_at_stripe",
    "subscriptions.begin_using": "subscriptions.begin_at_stripe",
    "subscriptions.take_agreed_price": "subscriptions.begin_at_stripe",
    "subscriptions.begin_buying_pack": "subscriptions.begin_at_stripe",
    "subscriptions.begin_refund": "subscriptions.begin_at_stripe",
}
"""Every act, and the name of its crash points."""

ENDS_IN = {"wallets.reset_pin": "wallets.keep_pin", "bills.create_bills_of_sheet": "bills.create_bulk_bills"}
"""Acts whose transaction is another act's, in another module."""

PARTS = {
    "ledger.open_account",
    "ledger.open_accounts",
    "ledger.post",
    "ledger.reverse",
    "ledger.freeze_account",
    "ledger.unfreeze_account",
    "ledger.resort_turnover",
    "payments.create_transaction",
    "payments.complete_transaction",
    "payments.cancel_transaction",
    "payments.count_refund",
    "payments.refund_transactions",
    "payments.refuse_taken_reference",
    "payments.lock_transaction",
    "payments.step_transaction",
    "payments.open_attempt",
    "payments.send_attempt",
    "payments.unsend_attempt",
    "payments.keep_checkout",
    "payments.hear_attempt",
    "payments.schedule_check",
    "payments.end_checks",
    "payments.note_exchange",
    "payments.provider_reference_of",
    "payments.end_case",
    "payments.open_case",
    "payments.save_method",
    "payments.finish_notice",
    "payments.postpone_notice",
    "payments.forget_old_notices",
    "wallets.credit_arrived_money",
    "wallets.set_arrived_money_aside",
    "wallets.book_fee_of_reversed",
    "wallets.return_fee_of_reversed",
    "wallets.book_provider_fee",
    "wallets.provider_account",
    "wallets.finish_payout",
    "wallets.return_payout",
    "wallets.bounce_payout",
    "wallets.hold_refund",
    "wallets.finish_refund",
    "wallets.return_refund",
    "wallets.book_chargeback",
    "wallets.bear_chargeback",
    "wallets.win_chargeback",
    "wallets.chargebacks_account",
    "wallets.borne_number",
    "wallets.require_authorization",
    "bills.take_back_payment",
    "payments.lock_refundable",
    "payments.make_refund",
    "payments.on_its_way_back",
    "payments.settle_case",
    "payments.settle_case_about",
    "payments.keep_case",
    "payments.is_asked",
    "payments.answer_cases",
    "payments.token_of",
    "bills.lock_for_settlement",
    "bills.settle_direct_payment",
    "bills.open_utility_bill",
    "bills.lock_utility_bill",
    "bills.settle_utility_bill",
    "bills.close_utility_bill",
    "utilities.ask_again_about",
    "utilities.buy_quote",
    "utilities.forget_old_validations",
    "utilities.lock_purchases",
    "utilities.make_quote",
    "utilities.note_blocked_automation",
    "wallets.no_cover_needed",
    "wallets.what_keeps_it",
    "wallets.open_wallet",
    "wallets.open_wallets",
    "wallets.places_of_returned",
    "wallets.refuse_uncovered_refund",
    "wallets.record_refunds",
    "wallets.pin_was_checked",
    "bills.hold_payable_bills",
    "bills.pay_held_bills",
    "bills.part_to_pay",
    "recurring.lock_for_settlement",
    "recurring.settle_card_charge",
    "recurring.fail_card_charge",
    "recurring.ask_for_confirmation",
    "subscriptions.generate_invoice",
    "subscriptions.send_invoice",
}
"""Parts of an act's transaction; they begin none themselves."""

MOVE_NOTHING = {
    "payments.hold_outgoing": "keeps back, in one commit; the next watch does it again",
    "payments.is_held": "reads",
    "payments.release_outgoing": "lets go, in one commit, what others send",
    "bills.payment_of": "reads facts that were kept",
    "bills.acknowledged_bill_of": "reads facts that were kept",
    "ledger.close_account": "derives sums again from what is there",
    "wallets.check_new_pin": "counts an attempt, in a commit of its own; the PIN is set by `keep_pin`",
    "wallets.check_pin_reset": "counts an attempt, in a commit of its own; the PIN is set by `keep_pin`",
    "payments.record_settlement": "one INSERT of a settlement, in a savepoint of the settlement's transaction",
    "payments.Steps": "a noun of the figures",
    "payments.tell_payment": "counts and logs after the commit; changes nothing",
    "payments.tell_payments": "counts and logs after the commit; changes nothing",
    "payments.take_case": "a person notes that they look at something",
    "payments.close_case": "a person notes what they found",
    "payments.remove_method": "forgets a card; a charge that is recorded with it fails",
    "wallets.waiting_in_suspense": "reads what waits",
    "wallets.keep_bank_details": "keeps where money may go, in one transaction; moves none",
    "settlement.resolve_bank_account": "asks the bank for a name, and changes nothing",
    "settlement.resolve_own_account": "asks the bank for a name, and changes nothing",
    "settlement.name_destination": "asks the bank for a name, and changes nothing",
    "settlement.list_banks": "asks which banks there are, and changes nothing",
    "settlement.postpone_confirm": "asks later, and in the end a person",
    "settlement.postpone_notice": "asks later, and in the end a person",
    "settlement.reconcile_balances": "compares, keeps what was compared, and opens or closes cases, each in a commit of its own",
    "settlement.note_own_funds": "notes what is no estate's, in one commit",
    "settlement.reconcile_payouts": "books by `confirm_payment`, and opens cases",
    "bills.judge_direct_payment": "asks the rules, and changes nothing",
    "recurring.process_recurring_payments": "runs cluster by cluster, by `process_recurring_payments_of`",
    "recurring.ask_to_process_recurring_payments": "asks the worker to; what it forgot is due still",
    "recurring.ask_to_process_cluster": "asks the worker to; what it forgot is due still",
    "recurring.ask_to_run_automations": "asks the worker to; what it forgot is due still",
    "recurring.run_utility_automations": "runs member by member, by `run_automations_of`",
    "recurring.due_members": "reads",
    "recurring.followed_clusters": "reads",
    "recurring.count_due": "counts",
    "recurring.count_reminders": "counts",
    "recurring.count_automation_reminders": "counts",
    "recurring.count_old_records": "counts",
    "recurring.send_automation_reminders": "tells, once for each period by its key",
    "recurring.ask_to_send_automation_reminders": "enqueues in one commit",
    "recurring.send_recurring_payment_reminders": "tells, once for each period by its key",
    "recurring.clean_up_old_records": "deletes technical records, by the commands of lower rooms",
    "bills.check_overdue_bills": "tells, once for each bill and version by its key",
    "bills.send_bill_reminders": "tells, once for each bill, version and day by its key",
    "bills.remind_of_bill": "tells, once a day for each bill and version by its key",
    "bills.preview_sheet": "reads whom bills would reach",
    "bills.count_overdue_bills": "counts",
    "bills.count_bills_due_soon": "counts",
    "recurring.due_clusters": "reads",
    "recurring.untold_clusters": "reads",
    "recurring.one_at_a_time": "holds a lock of its connection",
    "settlement.refund_to_wallet": "gives back by `bills.refund_bill_payment` or `recurring.refund_contribution`",
    "settlement.accept_notice": "stores by `payments.receive_notice`",
    "settlement.handle_notice": "asks by `confirm_payment`, in its transactions (tests/crash/test_settlement.py)",
    "settlement.reconcile": "books by the same way, and counts (tests/crash/test_settlement.py)",
    "settlement.ask_about_due": "asks the worker to; what it forgot is due again",
    "settlement.handle_due_notices": "asks the worker to; what it forgot is due again",
    "settlement.send_waiting_payouts": "asks the worker to; what it forgot waits still",
    "settlement.charge_waiting_fees": "asks the worker to; what it forgot is owed still",
    "utilities.sync_stale_catalogue": "reads by `utilities.sync_utility_providers` where that is due",
    "utilities.high_amount": "reads a setting",
    "utilities.purchases_to_end": "reads what waits for a person",
    "utilities.refuse_purchase": "asks what a purchase may not do; changes nothing",
    "utilities.take_validation_turn": "counts a question; one that is stopped is noted in the trail",
    "utilities.send_token": "mails what stands there already",
    "subscriptions.ChangePreview": "a noun",
    "subscriptions.NewAddress": "a noun",
    "subscriptions.PageSeen": "a noun",
    "subscriptions.BACK_FROM_STRIPE": "an address",
    "subscriptions.BUY_UNITS": "an address",
    "subscriptions.preview_change": "calculates, and changes nothing",
    "subscriptions.foresee_change": "calculates, and changes nothing",
    "subscriptions.foresee_end": "calculates, and changes nothing",
    "subscriptions.left_to_refund": "calculates, and changes nothing",
    "subscriptions.foresee_subscription": "calculates, and changes nothing",
    "subscriptions.change_plan": "upgrades or downgrades, in the transaction of that",
    "subscriptions.set_billing_address": "says where documents go; none changes",
    "subscriptions.sync_plans": "offers plans; nobody who has one is charged otherwise",
    "subscriptions.agree_contract_price": "one row; it counts when a period begins",
    "subscriptions.close_staff_case": "a person notes what they found",
    "subscriptions.create_coupon": "one row; it counts when it is used",
    "subscriptions.verify_customer": "one row; it counts when a coupon asks for it",
    "subscriptions.warn_of_trial_end": "tells, once for each trial",
    "subscriptions.UNHEARD": "names the errors after which it is not known",
    "subscriptions.meter_estate": "counts up to an instant, in one transaction (tests/subscriptions/test_metering.py)",
    "subscriptions.write_allowance": "writes down to an estate what its plan allows; the next job writes it again",
    "subscriptions.ask_stripe": "asks what was written down, and ends it (tests/subscriptions/test_stripe_crashes.py)",
    "subscriptions.ask_due_calls": "asks by `ask_stripe`",
    "subscriptions.hear_stripe": "asks and follows (tests/subscriptions/test_stripe_crashes.py)",
    "subscriptions.follow_ours": "asks and follows, as `hear_stripe`",
    "subscriptions.read_stripe_notice": "reads",
    "subscriptions.reconcile_subscriptions": "follows, as `hear_stripe`",
    "subscriptions.look_at_my_page": "asks by `ask_stripe`",
    "subscriptions.my_methods": "reads, at Stripe",
    "subscriptions.stays_in_use": "reads",
    "subscriptions.preview_at_stripe": "reads, at Stripe",
    "subscriptions.sync_prices": "makes what is missing at Stripe, by its key; nobody is charged otherwise",
    "wallets.authorize_spend": "counts an attempt, in a commit of its own (tests/wallets/test_pin.py)",
}
"""Commands with a transaction of their own in which no money and no consent changes, each with the reason."""


def commands() -> Iterator[tuple[str, FunctionType]]:
    for room, module in ROOMS.items():
        for name in getattr(module, "__all__", None) or _public(module):
            yield f"{room}.{name}", getattr(module, name)


def _public(module: ModuleType) -> list[str]:
    return [
        name
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]


def test_every_command_is_interrupted_or_says_why_not() -> None:
    assert {name for name, _ in commands()} == {*PLACES, *PARTS, *MOVE_NOTHING}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_begins_no_transaction(name: str) -> None:
    source = inspect.getsource(dict(commands())[name])
    assert "with tenant(" not in source
    assert "atomic(" not in source


@pytest.mark.parametrize("name", PLACES)
def test_its_crash_points_are_in_its_module(name: str) -> None:
    module = inspect.getmodule(dict(commands())[ENDS_IN.get(name, name)])
    assert module is not None
    assert f'"{PLACES[name]}"' in inspect.getsource(module) or f'"{PLACES[name]}.before"' in inspect.getsource(module)


def test_a_request_passes_each_of_them() -> None:
    interrupted = {command for _, command in REQUESTS.values()} | set(IN_DOORS_COMMIT) | set(IN_A_SWEEP)
    covered = COVERS | UTILITIES_COVER | AUTOMATIONS_COVER | set(SUBSCRIPTIONS) | {BEGINS}
    inside = covered - set(PLACES.values())  # the other transactions of one command
    assert set(PLACES.values()) == interrupted | covered - inside
    assert all(name.startswith(("settlement.", "utilities.", "recurring.")) for name in inside)
