-- Everything is read: sorted in memory, and joined at once. Few rows are expected of a stay's lifecycle, for each of
-- which an event would be looked up.
SELECT
    set_config('work_mem', '128MB', true), set_config('jit', 'off', true),
    set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true);
