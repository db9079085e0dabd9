-- Bring the sums up to workflows that are in the log again.
SELECT sojourn.recount_sums(%(workflow_ids)s, sojourn.hours_of_workflows(%(workflow_ids)s));
