-- Return whether a partition has no event.
SELECT NOT EXISTS (SELECT FROM {partition});
