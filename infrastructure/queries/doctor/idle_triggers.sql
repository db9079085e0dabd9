-- Return the triggers of the log that are missing or disabled.
SELECT w.name
FROM
    unnest(ARRAY['own_transaction_id', 'project_appended', 'refuse_to_rewrite']) AS w (name)
    LEFT JOIN pg_trigger AS t ON t.tgrelid = 'sojourn.event'::regclass AND t.tgname = w.name
WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
ORDER BY 1;
