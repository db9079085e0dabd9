-- Replace a stored definition by one that differs only in fields for display.
UPDATE sojourn.lifecycle SET definition = %s WHERE name = %s AND version = %s;
