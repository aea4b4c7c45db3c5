"""Floor 3: the Transaction, a person's view of one movement of money, whatever its purpose."""
