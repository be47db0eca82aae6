"""Geometry, quality, tracking and redaction on arrays. Pure functions, no I/O, no model."""
