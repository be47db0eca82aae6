"""Records of an HTTPS service, for Patrol Hub."""
