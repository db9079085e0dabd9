"""PostgreSQL: the event store, the embedded server, migrations and settings."""

OBJECTS = ("refuse_to_rewrite", "own_transaction_id", "append", "take_slots")
"""The functions and triggers of the log and of slots, in the order of their creation."""
