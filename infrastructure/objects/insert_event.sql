-- Store what is inserted into the view sojourn.event: a program that inserts into it goes on working. Many events are inserted
-- into sojourn.stored_event faster, because a view takes them one by one.
CREATE OR REPLACE FUNCTION sojourn.insert_event() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.position := coalesce(NEW.position, nextval('sojourn.event_position'));
    INSERT INTO sojourn.stored_event SELECT s.* FROM sojourn.store_event(NEW) AS s;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER insert_event
    INSTEAD OF INSERT ON sojourn.event
    FOR EACH ROW EXECUTE FUNCTION sojourn.insert_event();
