-- Read every event.
SELECT count(*), sum(length(e.data::text)) FROM sojourn.event AS e;
