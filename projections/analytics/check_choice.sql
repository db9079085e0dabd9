-- Return true where an argument is one of its choices, or raise an error that lists them; NULL may be one of them.
-- It is IMMUTABLE, so that a misspelt constant fails before the planner finds that no row can match it.
CREATE OR REPLACE FUNCTION sojourn.check_choice(argument text, value text, choices text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF value = ANY (choices) OR value IS NULL AND array_position(choices, NULL) IS NOT NULL THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION '% => % is not one of %', argument, quote_nullable(value), array_to_string(choices, ', ')
        USING ERRCODE = 'invalid_parameter_value';
END
$$;

COMMENT ON FUNCTION sojourn.check_choice IS
    'true; raises invalid_parameter_value, with the choices, where the value of an argument is none of them.';
