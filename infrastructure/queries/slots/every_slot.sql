-- Return every slot that is taken.
SELECT s.tag, s.holder FROM sojourn.slot AS s ORDER BY s.tag, s.holder;
