-- Number the functions and views, so that code can tell older ones from newer ones. A checksum only says that they differ.
ALTER TABLE sojourn.migration ADD COLUMN version integer CHECK (version > 0);
COMMENT ON COLUMN sojourn.migration.version IS
    'Of the row named objects: the version of the functions and views. It only grows.';
