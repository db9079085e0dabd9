-- Count the stays of workflows that are in the log again.
SELECT sojourn.recount_sketches(%(workflow_ids)s, 1);
