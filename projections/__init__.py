"""What the log has brought things to, as SQL: current status, transitions, audit views."""

OBJECTS = (
    "decode",
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
)
"""The functions and views, in the order of their creation."""
