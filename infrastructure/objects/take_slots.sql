-- Take a slot of every tag for a run and return NULL, or take none and return a tag that has none left.
-- Transactions that want slots of one tag wait for each other, for a moment (55P03). They write the rows of the limits,
-- so that a REPEATABLE READ transaction that cannot see the holders since its snapshot fails (40001) instead of
-- counting them wrongly.
CREATE OR REPLACE FUNCTION sojourn.take_slots(run text, tags text[]) RETURNS text
LANGUAGE plpgsql
SET lock_timeout = '2s' AS $$
DECLARE
    without_slots text;
BEGIN
    PERFORM FROM sojourn.slot_limit AS l WHERE l.tag = ANY (tags) ORDER BY l.tag FOR NO KEY UPDATE;

    SELECT l.tag INTO without_slots
    FROM sojourn.slot_limit AS l
    WHERE
        l.tag = ANY (tags)
        AND l.slots <= (SELECT count(*) FROM sojourn.slot AS s WHERE s.tag = l.tag AND s.holder <> run)
    ORDER BY l.tag
    LIMIT 1;

    IF without_slots IS NULL THEN
        INSERT INTO sojourn.slot (tag, holder)
        SELECT DISTINCT w.tag, run FROM unnest(tags) AS w (tag)
        ON CONFLICT DO NOTHING;
        UPDATE sojourn.slot_limit AS l SET slots = l.slots WHERE l.tag = ANY (tags);
    END IF;
    RETURN without_slots;
END
$$;
