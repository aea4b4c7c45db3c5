"""Bugs put into money's code on purpose, each of which a test must find: `bin/seed-bugs`."""
