-- Append a seal.
INSERT INTO sojourn.seal (
    number, first_position, last_position, events, merkle_root, root, public_key, signature
)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s);
