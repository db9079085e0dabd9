SELECT set_config('sojourn.' || %s, %s, true);
