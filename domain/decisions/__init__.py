"""Decisions: which events follow from a proposal. Begin with `decide.py`."""
