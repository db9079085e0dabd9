-- Let the last partition end before a position, and create the next one.
SELECT sojourn.end_partition({boundary});
