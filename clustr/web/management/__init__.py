"""What the office of an estate asks for: `/management/payments/`."""
