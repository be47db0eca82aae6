"""The hub's services, one a module; no actor imports another."""
