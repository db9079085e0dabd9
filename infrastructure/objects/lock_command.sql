-- Lock a command id until this transaction ends, or fail at once (55P03) where another transaction carries it out.
-- A caller that waited here would keep a connection for as long as the other one takes, which may be for ever.
CREATE OR REPLACE FUNCTION sojourn.lock_command(command_id text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('sojourn.command:' || command_id, 0)) THEN
        RAISE EXCEPTION 'command % is carried out by another transaction', quote_literal(command_id)
            USING ERRCODE = 'lock_not_available', SCHEMA = 'sojourn', TABLE = 'command';
    END IF;
END
$$;
