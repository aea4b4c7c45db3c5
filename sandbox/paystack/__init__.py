"""Paystack's wire, as its documents describe it. Amounts in kobo."""
