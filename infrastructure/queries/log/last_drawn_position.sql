-- Return the last position that was drawn.
SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM sojourn.event_position AS s;
