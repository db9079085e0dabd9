-- Continue the positions after the last one of a case.
SELECT setval('sojourn.event_position', %s);
