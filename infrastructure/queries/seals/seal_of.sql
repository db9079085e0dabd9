-- Return the number of the seal that has a position, and the root before it.
SELECT s.number, p.root
FROM
    sojourn.seal AS s
    LEFT JOIN sojourn.seal AS p ON p.number = s.number - 1
WHERE s.first_position <= %(position)s AND s.last_position >= %(position)s;
