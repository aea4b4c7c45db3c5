"""What others do for the sale of plans, each in its own words: today Stripe."""
