-- Set settings for the transaction or the session, and return what they were, and the process id of the server's session.
-- With a pid, nothing is set in another session, as a pooler may give one. Every name is qualified, because the search
-- path of the role still counts here.
SELECT
    s.name, pg_catalog.current_setting(s.name) AS before, pg_catalog.pg_backend_pid() AS pid,
    pg_catalog.set_config(s.name, s.value, %(is_local)s::pg_catalog.bool)
FROM unnest(%(names)s::pg_catalog.text[], %(values)s::pg_catalog.text[]) AS s (name, value)
WHERE coalesce(%(pid)s::pg_catalog.int4 OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid(), true);
