"""Faults that really happen to real servers and processes, against what was promised (docs/guarantees.md)."""
