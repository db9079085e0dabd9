-- Bring the sums of some hours up to the transitions.
SELECT sojourn.keep_hours(%(hours)s);
