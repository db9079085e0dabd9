NOTIFY sojourn_event;
