"""Flutterwave's wire, version 3, as its documents describe it. Amounts in naira."""
