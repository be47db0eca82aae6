"""Translates English with Argos packages that the user installed, for Patrol Hub."""
