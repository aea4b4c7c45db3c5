"""The addresses under `/office/`, by names such as `office:bills`."""

from __future__ import annotations

from django.urls import path

from clustr.web.pages.office import (
    audit,
    billing,
    bills,
    dashboard,
    disputes,
    members,
    reconciliation,
    recurring,
    settings,
    sheets,
    transactions,
    wallet,
)

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("more/", dashboard.more, name="more"),
    path("bills/", bills.bills, name="bills"),
    path("bills/new/", billing.new_bill, name="new_bill"),
    path("bills/import/", sheets.import_bills, name="import_bills"),
    path("bills/<uuid:bill_id>/", bills.bill, name="bill"),
    path("bills/<uuid:bill_id>/edit/", billing.edit_bill, name="edit_bill"),
    path("bills/<uuid:bill_id>/cancel/", billing.cancel_bill, name="cancel_bill"),
    path("bills/<uuid:bill_id>/remind/", bills.remind, name="remind"),
    path("bills/<uuid:bill_id>/members.csv", bills.bill_members_csv, name="bill_members_csv"),
    path("members/", members.members, name="members"),
    path("members/invite/", members.invite_member, name="invite_member"),
    path("members/import/", members.import_members, name="import_members"),
    path("members/<uuid:user_id>/", members.member, name="member"),
    path("members/<uuid:user_id>/payment/", transactions.record_payment, name="record_payment"),
    path("memberships/<uuid:membership_id>/", members.edit_member, name="membership"),
    path("arrears/", members.arrears, name="arrears"),
    path("disputes/", disputes.disputes, name="disputes"),
    path("disputes/<uuid:dispute_id>/", disputes.dispute, name="dispute"),
    path("transactions/", transactions.transactions, name="transactions"),
    path("transactions/<uuid:transaction_id>/", transactions.transaction, name="transaction"),
    path("transactions/<uuid:transaction_id>/refund/", transactions.refund, name="refund"),
    path("transactions/<uuid:transaction_id>/stop/", transactions.stop_withdrawal, name="stop_withdrawal"),
    path("transactions/<uuid:transaction_id>/receipt.pdf", transactions.receipt, name="receipt"),
    path("recurring/", recurring.recurring, name="recurring"),
    path("recurring/<uuid:recurring_payment_id>/", recurring.pause, name="pause"),
    path("wallet/", wallet.wallet, name="wallet"),
    path("wallet/credit/", wallet.credit, name="credit"),
    path("wallet/transfer/", wallet.new_transfer, name="new_transfer"),
    path("wallet/transfers/", wallet.transfers, name="transfers"),
    path("wallet/transfers/<uuid:transfer_id>/", wallet.transfer, name="transfer"),
    path("reconciliation/", reconciliation.reconciliation, name="reconciliation"),
    path("reconciliation/cases/<uuid:case_id>/", reconciliation.case, name="case"),
    path("audit/", audit.audit, name="audit"),
    path("settings/", settings.settings, name="settings"),
]
