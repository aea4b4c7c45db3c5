"""Every route x every role x every stranger's id, derived from one row per route (`rows.py`)."""
