"""PostgreSQL: the event store, the embedded server, migrations and settings."""

OBJECTS = (
    "objects/refuse_to_rewrite",
    "objects/own_transaction_id",
    "objects/logged_event",
    "objects/lock_command",
    "objects/append",
    "objects/take_slots",
)
"""The functions and triggers of the log and of slots, in the order of their creation."""
