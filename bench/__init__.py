"""What the performance claims rest on: `bin/bench` measures every bar in one run and writes RESULTS.md."""
