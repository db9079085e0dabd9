"""Check what Sojourn keeps in the database: schema, roles, rights, tokens, the log's triggers and partitions."""

from collections.abc import Iterator

from application.doctor.examination import Examination
from application.doctor.finding import Finding, well, wrong
from application.shared.store import schema
from domain.errors import SojournError
from infrastructure.database.roles import find_missing_rights
from infrastructure.database.settings import Settings
from infrastructure.log.partitions import list_partitions
from infrastructure.log.settling import last_drawn_position
from infrastructure.schema.migration import check_current
from infrastructure.schema.schema_errors import SchemaMissing

SETUP = "run `sojourn setup` as the owner of the schema"


def check_schema(examination: Examination) -> Iterator[Finding]:
    """Check that this version of Sojourn made the schema."""
    version = f"version {schema().objects_version}"
    try:
        check_current(examination.connection, schema())
    except SchemaMissing as error:
        yield wrong("schema", "none", str(error))
    except SojournError as error:
        yield wrong("schema", f"not {version}", str(error))
    else:
        yield well("schema", version)


def check_rights(examination: Examination) -> Iterator[Finding]:
    """Check what the user may do; there is nothing to find where there is no log."""
    for user, is_superuser, owns, appends, reads in examination.rows("doctor/rights"):
        if is_superuser:
            advice = "let a service run as a member of sojourn_writer, who cannot change the log"
            yield well("rights", f"{user}: superuser", advice)
        elif owns or appends:
            yield well("rights", f"{user}: {'owner' if owns else 'may append'}")
        elif reads:
            yield well("rights", f"{user}: may read")
        else:
            yield wrong("rights", f"{user}: none", f'let the owner run: GRANT sojourn_reader TO "{user}"')


def check_roles(examination: Examination) -> Iterator[Finding]:
    """Check that the roles exist and have their rights."""
    missing = find_missing_rights(examination.connection)
    if missing.roles:
        yield wrong("roles", f"{' and '.join(missing.roles)} missing", f"{SETUP}, who may create roles")
    elif missing.grants:
        yield wrong("roles", f"{len(missing.grants)} rights missing, like: {missing.grants[0]}", SETUP)
    else:
        yield well("roles", "sojourn_reader, sojourn_writer")


def check_triggers(examination: Examination) -> Iterator[Finding]:
    """Check that the triggers of the log are there and enabled."""
    idle = examination.rows("doctor/idle_triggers")
    if idle:
        statements = "; ".join(f"ALTER TABLE {table} ENABLE TRIGGER {name}" for name, table in idle)
        advice = f"the log can be changed, or is not projected; run {statements}, then `sojourn verify`"
        names = ", ".join(dict.fromkeys(name for name, _ in idle))
        yield wrong("triggers", f"{names} disabled or missing", advice)
    else:
        yield well("triggers", "enabled")


def check_partitions(examination: Examination) -> Iterator[Finding]:
    """Check that the log's last partition has not become large, and that no end of one is stated and forgotten."""
    partitions = list_partitions(examination.connection)
    events = last_drawn_position(examination.connection) - (partitions[-1].first or 0)
    value = f"{len(partitions)}, the last with up to {max(events, 0):,} events"
    if any(partition.states_end for partition in partitions) or events > 2 * Settings().partition_events:
        yield wrong("partitions", value, "run `sojourn maintain` as the owner of the schema; `--once` ends by itself")
    else:
        yield well("partitions", value)


def check_indexes(examination: Examination) -> Iterator[Finding]:
    """Check that every index can be used."""
    invalid = examination.column("doctor/invalid_indexes")
    if invalid:
        yield wrong("indexes", f"{', '.join(invalid)} invalid", f"run REINDEX INDEX {invalid[0]}, or drop it")
    else:
        yield well("indexes", "valid")


def check_tokens(examination: Examination) -> Iterator[Finding]:
    """Check that somebody may use the HTTP API."""
    scopes = {name: scope for name, scope, _, revoked_at in examination.rows("tokens/list") if revoked_at is None}
    create = "`sojourn token create NAME --scope write` creates one"
    if scopes:
        yield well("tokens", f"{len(scopes)} valid")
    elif examination.rows("tokens/list"):
        yield wrong("tokens", "all revoked", f"nobody may use the HTTP API; {create}")
    else:
        yield well("tokens", "none", f"the HTTP API is open to every user of its machine; {create}")


CHECKS = (check_roles, check_triggers, check_partitions, check_indexes, check_tokens)
"""The checks of a schema that this version made."""
