"""The services that sell utilities: one port, a file for each."""
