"""Floor 8: money arrived, or left: ask the provider for the truth, book it once, hand it to the room that asked."""
