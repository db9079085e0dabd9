-- Erase a person from the rows of an archive's file that tables of the session have.
SELECT sojourn.erase_archived(%s);
