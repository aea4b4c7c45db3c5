"""ClustR: billing and payments for residential estates. Start reading at ARCHITECTURE.md."""

__version__ = "0.1.0"
