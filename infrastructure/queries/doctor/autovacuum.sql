-- Return whether autovacuum runs, and the tables of the schema that it leaves out.
SELECT
    current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean,
    ARRAY(
        SELECT c.relname::text
        FROM pg_class AS c CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
        WHERE
            c.relnamespace = 'sojourn'::regnamespace AND o.option_name = 'autovacuum_enabled'
            AND NOT o.option_value::boolean
        ORDER BY 1
    );
