LISTEN sojourn_event;
