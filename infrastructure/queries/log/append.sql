SELECT sojourn.append(%s::jsonb);
