"""Closed list of wanted, missing and stolen for Patrol Hub."""
