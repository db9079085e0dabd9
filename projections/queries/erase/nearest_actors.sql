-- Return the actors that reported statuses, for a name like theirs.
SELECT DISTINCT t.actor FROM sojourn.transition AS t WHERE t.actor IS NOT NULL ORDER BY 1;
