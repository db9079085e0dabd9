-- Listen for commits.
LISTEN sojourn_event;
