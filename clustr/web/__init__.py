"""Floor 9: speaks HTTP. Translates a request into one call of a room, and the answer or refusal back. Nobody imports it."""
