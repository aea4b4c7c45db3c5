"""Messages to people: one row for what happened, derived readers, and each channel told at most once."""
