"""Benchmarks: scripts ``bench_*.py`` that print one JSON object a line, each a ratio or a figure of one run."""
