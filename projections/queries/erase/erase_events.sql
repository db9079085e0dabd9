-- Erase a person from the events at some positions, and return the number of changed rows by kind and workflow.
SELECT e.kind, e.workflow_id, e.n FROM sojourn.erase_events(%s, %s) AS e;
