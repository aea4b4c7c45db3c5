"""Floor 1: double-entry books. The only truth about money; they grow and never change. See docs/ledger.md."""
