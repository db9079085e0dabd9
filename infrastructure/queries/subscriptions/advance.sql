-- Store how far a subscription has come.
UPDATE sojourn.checkpoint SET position = %s, advanced_at = clock_timestamp() WHERE subscription = %s;
