UPDATE sojourn.lifecycle SET definition = %s WHERE name = %s AND version = %s;
