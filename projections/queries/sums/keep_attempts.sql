-- Bring the sums of the attempts of some workflows up to the transitions.
SELECT sojourn.keep_attempts(%(workflow_ids)s);
