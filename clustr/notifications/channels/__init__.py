"""The ways out: what each channel's sender promises, and the senders there are."""
