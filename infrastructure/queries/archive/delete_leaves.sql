-- Delete the leaves of events that are in the log again.
DELETE FROM sojourn.archived_leaf AS l
USING sojourn.event AS e
WHERE e.position = l.position AND e.stream = ANY (%s);
