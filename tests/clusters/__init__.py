"""Estates and their members."""
