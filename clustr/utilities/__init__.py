"""What members buy from outside: electricity, water, internet and cable television."""
