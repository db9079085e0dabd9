-- Return the settings of this database that change answers: thresholds, but not sojourn.as_of.
SELECT split_part(set.setting, '=', 1), substr(set.setting, strpos(set.setting, '=') + 1)
FROM
    pg_db_role_setting AS s
    JOIN pg_database AS d ON d.oid = s.setdatabase
    CROSS JOIN LATERAL unnest(s.setconfig) AS set (setting)
WHERE
    s.setrole = 0 AND d.datname = current_database()
    AND starts_with(set.setting, 'sojourn.') AND NOT starts_with(set.setting, 'sojourn.as_of=');
