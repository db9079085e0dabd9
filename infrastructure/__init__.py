"""PostgreSQL: the event store, the embedded server, migrations and settings."""

OBJECTS = (
    "objects/refuse_to_rewrite",
    "objects/erase_fields",
    "objects/refuse_to_change",
    "objects/begin_erasing",
    "objects/digest_event",
    "objects/refuse_to_remove",
    "objects/hash_stream",
    "objects/find_tombstone",
    "objects/require_unarchived",
    "objects/event_partition",
    "objects/end_partition",
    "objects/own_transaction_id",
    "objects/logged_event",
    "objects/lock_command",
    "objects/append",
    "objects/take_slots",
    "objects/sealed_field",
    "objects/sealed_content",
    "objects/hash_sealed",
    "objects/find_salts",
    "objects/seal",
    "objects/forget_salts",
)
"""The functions and triggers of the log, of its archive, of erasures and of slots, in the order of their creation."""
