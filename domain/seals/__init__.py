"""Seals: what a range of the log had, as one hash, and proofs that an event is part of it."""
