"""Floor 4: member wallets with their PINs, the cluster's wallet, and money on its way out."""
