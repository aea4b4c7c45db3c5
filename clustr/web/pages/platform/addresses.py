"""The addresses under `/platform/`, by names such as `platform:plans`."""

from __future__ import annotations

from django.urls import path

from clustr.web.pages.platform import customers, documents, plans

urlpatterns = [
    path("", plans.home, name="home"),
    path("plans/", plans.plans, name="plans"),
    path("plans/<slug:code>/", plans.choose, name="choose"),
    path("cancel/", plans.cancel, name="cancel"),
    path("reactivate/", plans.reactivate, name="reactivate"),
    path("coupon/", plans.coupon, name="coupon"),
    path("invoices/", documents.invoices, name="invoices"),
    path("payments/", documents.payments, name="payments"),
    path("address/", documents.address, name="address"),
    path("customers/", customers.customers, name="customers"),
]
