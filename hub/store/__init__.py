"""SQLite with one writer thread, migrations and the retention table of rule C11."""
