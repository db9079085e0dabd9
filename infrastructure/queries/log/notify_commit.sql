-- Notify the listeners of a commit.
NOTIFY sojourn_event;
