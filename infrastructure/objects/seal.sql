-- Refuse to change or delete seals, for the owner of the tables too.
CREATE OR REPLACE TRIGGER refuse_to_rewrite
    BEFORE UPDATE OR DELETE OR TRUNCATE ON sojourn.seal
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite();
