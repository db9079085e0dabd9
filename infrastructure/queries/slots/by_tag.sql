-- Return every tag that has a limit or a holder, with its holders and since when they hold a slot.
SELECT
    tag,
    l.slots,
    coalesce(array_agg(s.holder ORDER BY s.taken_at, s.holder) FILTER (WHERE s.holder IS NOT NULL), '{}'),
    coalesce(array_agg(s.taken_at ORDER BY s.taken_at, s.holder) FILTER (WHERE s.holder IS NOT NULL), '{}')
FROM sojourn.slot_limit AS l FULL JOIN sojourn.slot AS s USING (tag)
GROUP BY tag, l.slots
ORDER BY tag;
