-- Drop what a rebuild has left.
DROP SCHEMA IF EXISTS sojourn_rebuild CASCADE;
