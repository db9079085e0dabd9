-- Notify the listeners of a channel, and return the process id of this server session.
SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_notify(%s, '');
