"""Plates: grammar, decoding, consensus over a track and the explained hot-list match. Pure functions, no I/O."""
