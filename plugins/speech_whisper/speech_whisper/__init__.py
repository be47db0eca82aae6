"""Hears speech in many languages and writes it in its own words and in English, for Patrol Hub."""
