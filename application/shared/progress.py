"""Progress of long work."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Receive the position that was reached, and the last one."""
