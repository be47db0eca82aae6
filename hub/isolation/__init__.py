"""Work in child processes: capture that can hang, and third parties' code."""
