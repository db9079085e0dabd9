SELECT max(e.position) FROM sojourn.event AS e;
