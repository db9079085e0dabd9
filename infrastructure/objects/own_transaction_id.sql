-- Give a writer a transaction id before it draws its first position.
-- A reader that finds a position missing can then tell from the oldest running transaction whether it may still appear.
CREATE OR REPLACE FUNCTION sojourn.own_transaction_id() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER own_transaction_id
    BEFORE INSERT ON sojourn.stored_event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.own_transaction_id();
