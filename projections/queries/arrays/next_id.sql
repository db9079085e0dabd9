-- Draw the id of a new array.
SELECT nextval('sojourn.array_number')::text;
