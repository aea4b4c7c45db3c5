"""`/api/v1/billing/`: the platform's own plans, for whoever is signed in, whichever estate they mean."""
