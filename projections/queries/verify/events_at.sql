-- Return the events at some positions, in order.
SELECT l.* FROM sojourn.logged_event AS l WHERE l.position = ANY (%(positions)s) ORDER BY l.position;
