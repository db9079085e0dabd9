-- Return the workflows that were archived before the log was sealed, and would now be in a sealed range.
SELECT a.workflow_id
FROM sojourn.archived_workflow AS a
WHERE
    a.workflow_id = ANY (%s)
    AND EXISTS (SELECT FROM sojourn.seal AS s WHERE s.last_position >= a.first_position)
    AND NOT EXISTS (SELECT FROM sojourn.archived_leaf AS l WHERE l.position = a.first_position);
