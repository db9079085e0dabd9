-- Give this session the memory to sort and hash the whole log once, and plain names in what the catalog answers.
SELECT
    set_config('quote_all_identifiers', 'off', false),
    set_config('work_mem', '256MB', false),
    set_config('maintenance_work_mem', '256MB', false),
    set_config('synchronous_commit', 'off', false);
