"""Register of keepers, licences, insurance and inspection for Patrol Hub."""
