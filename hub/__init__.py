"""Patrol Hub: look-ups on patrol under a written authority.

This package holds the hub itself. Plugins live in ``plugins/`` as distributions of their own.
"""

__version__ = "0.1.0"
