"""Records of a PostgreSQL database, read only, for Patrol Hub."""
