"""Checks of a log that exists already: replay it, find events that cannot be, ask what would have been."""
