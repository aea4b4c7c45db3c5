"""Tests of standing orders."""
