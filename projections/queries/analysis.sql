-- The plan that is best for all rows, not for the first ones.
SET LOCAL work_mem = '128MB';
SET LOCAL cursor_tuple_fraction = 1;
