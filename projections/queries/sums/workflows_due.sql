-- Return the workflows whose attempts the sums do not have now.
SELECT u.workflow_id FROM sojourn.unsummed_workflows(statement_timestamp()) AS u (workflow_id) ORDER BY 1;
