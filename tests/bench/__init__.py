"""Measurements: `make bench`, the same as `python -m tests.bench`."""
