"""Stripe's wire, as far as ClustR uses it: customers, cards, prices, pages, subscriptions and their invoices."""
