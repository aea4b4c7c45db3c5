"""Floor 1: who people are, how they sign in, how they are written to, and how they are forgotten."""
