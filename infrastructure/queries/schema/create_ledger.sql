-- Create the table of applied migrations.
CREATE TABLE IF NOT EXISTS sojourn.migration (
    name       text COLLATE "C" PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
