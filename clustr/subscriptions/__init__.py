"""The platform's own plans: who chose which, what they use, what they owe for it, and what they paid."""
