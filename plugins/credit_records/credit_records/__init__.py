"""Credit records of a person, only under a signed grant, for Patrol Hub."""
