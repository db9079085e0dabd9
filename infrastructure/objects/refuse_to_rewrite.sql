-- Refuse to change or delete events, for the owner of the tables too.
CREATE OR REPLACE FUNCTION sojourn.refuse_to_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'SJ002', HINT = 'Append an event that says what is true now.';
END
$$;

CREATE OR REPLACE TRIGGER refuse_to_rewrite
    BEFORE UPDATE OR DELETE OR TRUNCATE ON sojourn.event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite();
