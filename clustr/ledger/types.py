"""The words of the books: kinds of account, and the entry that a posting is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from clustr.kit.money import Money


class AccountKind(StrEnum):
    """What an account stands for. A balance is credits less debits: what ClustR owes on the account's behalf."""

    MEMBER_WALLET = "member_wallet"
    CLUSTER_WALLET = "cluster_wallet"
    PAYOUTS = "payouts"
    SUSPENSE = "suspense"
    REFUNDS = "refunds"
    RECEIVED_CASH = "received_cash"
    RECEIVED_BANK_TRANSFER = "received_bank_transfer"
    RECEIVED_POS = "received_pos"
    EXTERNAL_FUNDS = "external_funds"
    OPENING_BALANCES = "opening_balances"
    PROVIDER_CLEARING = "provider_clearing"
    PROVIDER_FEES = "provider_fees"
    UTILITY_HOLD = "utility_hold"
    RECEIVABLES = "receivables"
    SUBSCRIPTION_REVENUE = "subscription_revenue"
    TAX_PAYABLE = "tax_payable"
    CUSTOMER_CREDIT = "customer_credit"
    BAD_DEBTS = "bad_debts"
    CHARGEBACKS = "chargebacks"


GUARDED = frozenset({AccountKind.MEMBER_WALLET, AccountKind.UTILITY_HOLD, AccountKind.CUSTOMER_CREDIT})
"""Kinds whose balance stands on the account's row and may never fall below zero."""

OPEN = frozenset(
    {
        AccountKind.RECEIVED_CASH,
        AccountKind.RECEIVED_BANK_TRANSFER,
        AccountKind.RECEIVED_POS,
        AccountKind.EXTERNAL_FUNDS,
        AccountKind.OPENING_BALANCES,
        AccountKind.PROVIDER_CLEARING,
        AccountKind.PROVIDER_FEES,
        AccountKind.RECEIVABLES,
        AccountKind.SUBSCRIPTION_REVENUE,
        AccountKind.TAX_PAYABLE,
        AccountKind.BAD_DEBTS,
        AccountKind.CHARGEBACKS,
    }
)
"""Kinds that may fall below zero. Most stand for money outside: their balance is negative by what came in, or is still to come.
Of revenue and its tax more may be given back than was charged. No other kind may."""


class TransferKind(StrEnum):
    """Why money moved. Each posting is described in docs/ledger.md."""

    BILL_PAYMENT = "bill_payment"
    BILL_REFUND = "bill_refund"
    OFFLINE_RECEIPT = "offline_receipt"
    OPENING_BALANCE = "opening_balance"
    PAYOUT = "payout"
    PAYOUT_RETURN = "payout_return"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    DEPOSIT = "deposit"
    UNPLACED_RECEIPT = "unplaced_receipt"
    PAYOUT_SENT = "payout_sent"
    PAYOUT_BOUNCED = "payout_bounced"
    FEE_SURCHARGE = "fee_surcharge"
    PROVIDER_FEE = "provider_fee"
    PROVIDER_FEE_RETURNED = "provider_fee_returned"
    FEE_CHARGED = "fee_charged"
    UTILITY_HOLD = "utility_hold"
    UTILITY_RELEASE = "utility_release"
    UTILITY_VENDED = "utility_vended"
    UTILITY_FEE_DIFFERENCE = "utility_fee_difference"
    UTILITY_RETURNED = "utility_returned"
    INVOICED = "invoiced"
    INVOICED_TAX = "invoiced_tax"
    CREDITED = "credited"
    CREDITED_TAX = "credited_tax"
    CREDIT_APPLIED = "credit_applied"
    INVOICE_PAID = "invoice_paid"
    INVOICE_OVERPAID = "invoice_overpaid"
    INVOICE_REFUNDED = "invoice_refunded"
    INVOICE_REFUND_RETURNED = "invoice_refund_returned"
    INVOICE_DISPUTED = "invoice_disputed"
    WRITTEN_OFF = "written_off"
    REFUND_TO_SOURCE = "refund_to_source"
    REFUND_RETURNED = "refund_returned"
    REFUND_SENT = "refund_sent"
    SUSPENSE_PLACED = "suspense_placed"
    CHARGEBACK = "chargeback"
    CHARGEBACK_ADVANCE = "chargeback_advance"
    CHARGEBACK_BORNE = "chargeback_borne"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_CHARGED = "chargeback_charged"
    CHARGEBACK_CREDITED = "chargeback_credited"
    CONTRIBUTION = "contribution"
    CONTRIBUTION_REFUND = "contribution_refund"
    RECEIPT_REVERSED = "receipt_reversed"


BESIDE = frozenset(
    {
        TransferKind.FEE_SURCHARGE,
        TransferKind.PROVIDER_FEE,
        TransferKind.PROVIDER_FEE_RETURNED,
        TransferKind.PAYOUT_SENT,
        TransferKind.UTILITY_VENDED,
        TransferKind.UTILITY_FEE_DIFFERENCE,
        TransferKind.REFUND_SENT,
        TransferKind.CHARGEBACK_ADVANCE,
    }
)
"""Transfers beside a transaction's own amount: what the provider took for it and gave back, the confirmed end of a payout, a refund or a
purchase, and what lets the cluster's wallet bear more than it holds."""

DOCUMENTED = frozenset(
    {
        TransferKind.INVOICED,
        TransferKind.INVOICED_TAX,
        TransferKind.CREDITED,
        TransferKind.CREDITED_TAX,
        TransferKind.CREDIT_APPLIED,
        TransferKind.INVOICE_PAID,
        TransferKind.INVOICE_OVERPAID,
        TransferKind.INVOICE_REFUNDED,
        TransferKind.INVOICE_REFUND_RETURNED,
        TransferKind.INVOICE_DISPUTED,
        TransferKind.WRITTEN_OFF,
    }
)
"""Transfers of the platform's own sales: their journal is an invoice, a credit note, a payment of one, or its refund or
dispute, and no transaction of an estate."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer to be posted: `amount` leaves `debit` and arrives at `credit`.

    `id` is the key of what caused it: the same id posts once, ever. `journal` groups the legs of one event. `label` is
    for analytics (the bill's type). `reverses` is the id of the transfer this one undoes.
    """

    id: UUID
    debit: UUID
    credit: UUID
    amount: Money
    kind: TransferKind
    journal: UUID
    label: str = ""
    reverses: UUID | None = None
