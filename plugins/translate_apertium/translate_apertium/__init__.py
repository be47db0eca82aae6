"""Translates with the Apertium pairs of the system, for Patrol Hub."""
