-- Return the seals from a number on, in order, each with the seed of its salts.
SELECT
    s.number, s.first_position, s.last_position, s.events, s.merkle_root, s.root, s.public_key, s.signature, d.seed
FROM
    sojourn.seal AS s
    LEFT JOIN sojourn.seal_seed AS d ON d.number = s.number
WHERE s.number >= %s
ORDER BY s.number;
