"""What the log has brought things to, as SQL: current status, transitions, audit views."""

OBJECTS = (
    "decode",
    "lock_array",
    "project_appended",
    "as_of",
    "lifecycle_status",
    "task_status_audit",
    "task_instance_status_audit",
    "current_task",
    "current_task_instance",
    "stay",
    "silences",
    "silence",
    "runner",
    "status_audit",
    "group_of",
    "place_of",
    "histogram_bounds",
    "time_in_status",
    "time_in_status_histogram",
    "concurrency",
    "concurrency_by_bucket",
    "attempt",
    "attempts",
    "breaches",
    "variants",
    "directly_follows",
    "grant_reader",  # the last: it grants what there is
)
"""The functions and views, in the order of their creation."""
