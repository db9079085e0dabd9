"""Erasure: a person is replaced in the log and in its archives by a name that stands for nobody."""
