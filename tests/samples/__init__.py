"""Tests of `samples/`."""
