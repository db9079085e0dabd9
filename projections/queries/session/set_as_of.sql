SELECT set_config('sojourn.as_of', %s, true);
