"""PostgreSQL: the event store, the embedded server, migrations and settings."""

OBJECTS = ("refuse_to_rewrite", "own_transaction_id", "append")
"""The functions and triggers of the log, in the order of their creation."""
