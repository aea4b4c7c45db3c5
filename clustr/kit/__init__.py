"""Floor 0: tools every room uses. No tables, no knowledge of estates, bills or residents."""
