-- Return the triggers of the log and of its partitions that are missing or disabled, each with its table.
SELECT w.name, w.relation::text
FROM
    (
        SELECT n.name, 'sojourn.stored_event'::regclass AS relation
        FROM
            unnest(ARRAY[
                'own_transaction_id', 'project_appended', 'refuse_to_change', 'refuse_to_remove', 'refuse_to_rewrite'
            ]) AS n (name)
        UNION ALL
        SELECT n.name, p.name
        FROM sojourn.event_partition AS p CROSS JOIN unnest(ARRAY['refuse_to_bypass', 'refuse_to_rewrite']) AS n (name)
    ) AS w
    LEFT JOIN pg_trigger AS t ON t.tgrelid = w.relation AND t.tgname = w.name
WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
ORDER BY 1, 2;
