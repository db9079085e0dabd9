SELECT coalesce(sojourn.as_of(), statement_timestamp());
