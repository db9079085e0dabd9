-- Return what a seal states of an event: its columns and its JSON, with salted hashes of the fields that may be erased.
-- The text is the normal form of jsonb, which is the same on every server; times are seconds since 1970.
CREATE OR REPLACE FUNCTION sojourn.sealed_content(event sojourn.event, salt bytea, kept jsonb) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        event.position, event.stream, event.version, event.name, event.workflow_id,
        extract(epoch FROM event.recorded_at), extract(epoch FROM event.occurred_at),
        extract(epoch FROM event.entered_at),
        event.data - '{actor,reason,rule_reason,stdout,stderr}'::text[],
        sojourn.sealed_field('actor', event.data -> 'actor', salt, kept),
        sojourn.sealed_field('reason', event.data -> 'reason', salt, kept),
        sojourn.sealed_field('rule_reason', event.data -> 'rule_reason', salt, kept),
        sojourn.sealed_field('stdout', event.data -> 'stdout', salt, kept),
        sojourn.sealed_field('stderr', event.data -> 'stderr', salt, kept)
    )::text
$$;

COMMENT ON FUNCTION sojourn.sealed_content IS
    'Returns what a seal states of an event: its columns and its JSON, with salted hashes of the fields that may be erased.';
