-- Set what the statements of Sojourn rely on, or return no row where a pooler stands between: its server has another pid.
-- Every name is qualified, because the role's search_path still counts here.
SELECT pg_catalog.set_config(s.name, s.value, false)
FROM
    (
        VALUES
            ('search_path', 'pg_catalog, pg_temp'),
            ('client_encoding', 'UTF8'),
            ('DateStyle', 'ISO, MDY'),
            ('IntervalStyle', 'postgres'),
            ('TimeZone', 'UTC'),
            ('extra_float_digits', '1'),
            ('bytea_output', 'hex'),
            ('array_nulls', 'on'),
            ('transform_null_equals', 'off'),
            ('standard_conforming_strings', 'on'),
            ('quote_all_identifiers', 'off'),
            ('default_transaction_isolation', 'read committed'),
            ('default_transaction_deferrable', 'off'),
            ('idle_session_timeout', '0')
    ) AS s (name, value)
WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) coalesce(%(pid)s::pg_catalog.int4, pg_catalog.pg_backend_pid());
