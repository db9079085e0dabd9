SELECT setval('sojourn.event_position', %s);
