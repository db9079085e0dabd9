-- Return the position of the last event up to a position, or NULL where there is none.
SELECT max(e.position) FROM sojourn.stored_event AS e WHERE e.position <= %(upto)s;
