"""Benchmarks: ratios to bare work in one process; `make bench` fails where a bound is missed."""
