-- Return the statuses of the stored lifecycles.
SELECT DISTINCT s.status FROM sojourn.lifecycle_status AS s WHERE s.entity_kind = %(kind)s ORDER BY 1;
