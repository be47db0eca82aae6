"""Signed, expiring lists: their package and what is checked before use."""
