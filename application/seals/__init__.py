"""Seals: hashes of ranges of the log that no longer change, and proofs that an event is part of one."""
