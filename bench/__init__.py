"""Measurements against the vendors' own tools: `make bench`."""
