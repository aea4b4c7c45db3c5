"""The addresses under `/app/`."""

from __future__ import annotations

from django.urls import path

from clustr.web.pages.residents import bills, home, notices, recurring, transactions, utilities, wallet, you

urlpatterns = [
    path("", home.home, name="home"),
    path("bills/", bills.list_bills, name="bills"),
    path("bills/<uuid:bill_id>/", bills.show_bill, name="bill"),
    path("bills/<uuid:bill_id>/acknowledge/", bills.acknowledge, name="acknowledge"),
    path("bills/<uuid:bill_id>/pay/", bills.pay, name="pay"),
    path("bills/<uuid:bill_id>/dispute/", bills.dispute, name="dispute"),
    path("bills/<uuid:bill_id>/withdraw-dispute/", bills.withdraw_dispute, name="withdraw_dispute"),
    path("wallet/", wallet.show_wallet, name="wallet"),
    path("wallet/fund/", wallet.fund, name="fund"),
    path("wallet/withdraw/", wallet.withdraw, name="withdraw"),
    path("wallet/withdrawals/<uuid:transaction_id>/cancel/", wallet.cancel_withdrawal, name="cancel_withdrawal"),
    path("wallet/pin/", wallet.choose_pin, name="pin"),
    path("wallet/pin/reset/", wallet.reset_pin, name="reset_pin"),
    path("wallet/freeze/", wallet.freeze, name="freeze"),
    path("wallet/unfreeze/", wallet.unfreeze, name="unfreeze"),
    path("wallet/cards/<uuid:method_id>/forget/", wallet.forget_card, name="forget_card"),
    path("transactions/", transactions.list_transactions, name="transactions"),
    path("transactions/<uuid:transaction_id>/", transactions.show_transaction, name="transaction"),
    path("transactions/<uuid:transaction_id>/receipt/", transactions.receipt, name="receipt"),
    path("transactions/<uuid:transaction_id>/check/", transactions.check, name="check"),
    path("transactions/<uuid:transaction_id>/retry/", transactions.retry, name="retry"),
    path("returned/", transactions.returned, name="returned"),
    path("recurring/", recurring.list_recurring, name="recurring"),
    path("recurring/new/", recurring.create, name="create_recurring"),
    path("recurring/<uuid:order_id>/", recurring.show_recurring, name="recurring_payment"),
    path("recurring/<uuid:order_id>/pause/", recurring.pause, name="pause_recurring"),
    path("recurring/<uuid:order_id>/resume/", recurring.resume, name="resume_recurring"),
    path("recurring/<uuid:order_id>/cancel/", recurring.cancel, name="cancel_recurring"),
    path("utilities/", utilities.show_utilities, name="utilities"),
    path("utilities/buy/", utilities.choose, name="choose_utility"),
    path("utilities/quotes/<uuid:quote_id>/", utilities.buy, name="buy_utility"),
    path("utilities/purchases/<uuid:purchase_id>/", utilities.show_purchase, name="purchase"),
    path("utilities/purchases/<uuid:purchase_id>/resend/", utilities.resend, name="resend_token"),
    path("utilities/accounts/<uuid:account_id>/remove/", utilities.remove_account, name="remove_account"),
    path("notices/", notices.list_notices, name="notices"),
    path("notices/read/", notices.mark_read, name="read_notices"),
    path("notices/preferences/", notices.preferences, name="preferences"),
    path("you/", you.show_you, name="you"),
    path("you/export/", you.export, name="export"),
]
