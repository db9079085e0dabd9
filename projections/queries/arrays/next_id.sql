SELECT nextval('sojourn.array_number')::text;
