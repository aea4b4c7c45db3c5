"""Floor 1: who did what, which request was answered how, and who asks too often. Facts here carry no personal data."""
