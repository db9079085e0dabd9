-- Read every transition.
SELECT count(*), max(t.entered_at), max(t.status) FROM sojourn.transition AS t;
