-- Store the seed of a seal's salts.
INSERT INTO sojourn.seal_seed (number, seed) VALUES (%s, %s);
