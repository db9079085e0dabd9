-- To whom a task belongs, its state where that is more than its status, and what it was registered with for its rules.
ALTER TABLE sojourn.task
    ADD COLUMN owner      text COLLATE "C",
    ADD COLUMN state      jsonb,
    ADD COLUMN attributes jsonb;

-- It is created anew with further columns.
DROP FUNCTION IF EXISTS sojourn.decode(jsonb);
