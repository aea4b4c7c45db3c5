"""Races over HTTP against the real web server: the last bytes of twenty requests let go together."""
