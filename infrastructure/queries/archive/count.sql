-- Return the number of archived workflows.
SELECT count(*) FROM sojourn.archived_workflow;
