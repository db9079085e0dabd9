-- Create the schema and the table of applied migrations.
CREATE SCHEMA IF NOT EXISTS sojourn;
CREATE TABLE IF NOT EXISTS sojourn.migration (
    name       text COLLATE "C" PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
