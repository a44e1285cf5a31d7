"""Runs an export on the real runtimes and judges it against the original."""
