"""The addresses under `/platform/`, by names such as `platform:plans`."""

from __future__ import annotations

from django.urls import path

from clustr.web.pages.platform import (
    cards,
    cases,
    coupons,
    customers,
    documents,
    leaving,
    metering,
    plans,
    revenue,
    staff_acts,
)

urlpatterns = [
    path("", plans.home, name="home"),
    path("plans/", plans.plans, name="plans"),
    path("plans/<slug:code>/", plans.choose, name="choose"),
    path("back/", cards.back, name="back"),
    path("cards/", cards.cards, name="cards"),
    path("cards/give/", cards.give_card, name="give_card"),
    path("cards/<slug:method_id>/use/", cards.use_card, name="use_card"),
    path("cards/<slug:method_id>/forget/", cards.forget_card, name="forget_card"),
    path("usage/", metering.usage, name="usage"),
    path("usage/buy/", metering.buy, name="buy_units"),
    path("cancel/", leaving.cancel, name="cancel"),
    path("reactivate/", plans.reactivate, name="reactivate"),
    path("coupon/", plans.coupon, name="coupon"),
    path("invoices/", documents.invoices, name="invoices"),
    path("payments/", documents.payments, name="payments"),
    path("address/", documents.address, name="address"),
    path("revenue/", revenue.revenue, name="revenue"),
    path("trends/", revenue.trends, name="trends"),
    path("at-risk/", customers.at_risk, name="at_risk"),
    path("dunning/", customers.dunning, name="dunning"),
    path("cases/", cases.cases, name="cases"),
    path("cases/<uuid:case_id>/close/", cases.close, name="close_case"),
    path("coupons/", coupons.coupons, name="coupons"),
    path("coupons/new/", coupons.new_coupon, name="new_coupon"),
    path("customers/", customers.customers, name="customers"),
    path("customers/<uuid:user_id>/", customers.customer, name="customer"),
    path("customers/<uuid:user_id>/verify/", staff_acts.verify, name="verify"),
    path("customers/<uuid:user_id>/price/", staff_acts.agree_price, name="agree_price"),
    path("customers/<uuid:user_id>/pack/", staff_acts.sell_pack, name="sell_pack"),
    path("customers/documents/<uuid:invoice_id>/payment/", staff_acts.record_payment, name="record_payment"),
    path("customers/documents/<uuid:invoice_id>/correct/", staff_acts.correct, name="correct"),
    path("customers/documents/<uuid:invoice_id>/refund/", cases.refund, name="refund"),
]
