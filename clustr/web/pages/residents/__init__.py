"""`/app/`: what a resident reads and does, on a phone first."""
