"""Help tests to compare schemas: as a text that people can read, the same on every version of the server."""

from typing import Any

import psycopg

from tests.support.agreement import Row, rows

RELATIONS = """
    SELECT c.oid, c.relname AS name, c.relkind::text AS kind, array_to_string(c.reloptions, ', ') AS options
    FROM pg_class AS c
    WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    ORDER BY c.relkind, c.relname COLLATE "C"
"""
COLUMNS = """
    SELECT
        a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
        CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation,
        pg_get_expr(d.adbin, d.adrelid) AS "default"
    FROM
        pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
# PostgreSQL 18 has NOT NULL among the constraints ('n'); here it stands with its column.
CONSTRAINTS = """
    SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint AS c
    WHERE c.conrelid = %s AND c.contype NOT IN ('n', 't')
    ORDER BY c.conname COLLATE "C"
"""
INDEXES = """
    SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s
    ORDER BY c.relname COLLATE "C"
"""
TRIGGERS = """
    SELECT t.tgname AS name, pg_get_triggerdef(t.oid) AS definition
    FROM pg_trigger AS t
    WHERE t.tgrelid = %s AND NOT t.tgisinternal
    ORDER BY t.tgname COLLATE "C"
"""
FUNCTIONS = """
    SELECT
        p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
        l.lanname AS language, p.provolatile::text AS volatility, array_to_string(p.proconfig, ', ') AS settings
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.pronamespace = 'sojourn'::regnamespace
    ORDER BY p.proname COLLATE "C", 2
"""
SEQUENCES = """
    SELECT s.sequencename AS name, s.data_type::text AS type, s.start_value, s.increment_by, s.cycle
    FROM pg_sequences AS s
    WHERE s.schemaname = 'sojourn'
    ORDER BY s.sequencename COLLATE "C"
"""
KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view"}
VOLATILITIES = {"i": "immutable", "s": "stable", "v": "volatile"}


def catalog(connection: psycopg.Connection[Any]) -> str:
    """Everything in the schema `sojourn`, one thing a line."""
    lines = []
    for relation in rows(connection, RELATIONS):
        lines += ["", *_relation(connection, relation)]
    lines += ["", *(_function(found) for found in rows(connection, FUNCTIONS))]
    lines += ["", *(_sequence(found) for found in rows(connection, SEQUENCES))]
    return "\n".join(lines).strip() + "\n"


def _relation(connection: psycopg.Connection[Any], relation: Row) -> list[str]:
    options = f" with ({relation['options']})" if relation["options"] else ""
    lines = [f"{KINDS[relation['kind']]} {relation['name']}{options}"]
    lines += [f"    {_column(found)}" for found in rows(connection, COLUMNS, relation["oid"])]
    for kind, query in (("constraint", CONSTRAINTS), ("index", INDEXES), ("trigger", TRIGGERS)):
        lines += [
            f"    {kind} {found['name']}: {found['definition']}" for found in rows(connection, query, relation["oid"])
        ]
    return lines


def _column(found: Row) -> str:
    collation = f" collate {found['collation']}" if found["collation"] else ""
    required = " not null" if found["required"] else ""
    default = f" default {found['default']}" if found["default"] else ""
    return f"{found['name']} {found['type']}{collation}{required}{default}"


def _function(found: Row) -> str:
    settings = f" set {found['settings']}" if found["settings"] else ""
    kind = f"{found['language']} {VOLATILITIES[found['volatility']]}{settings}"
    return f"function {found['name']}({found['arguments']}) returns {found['result']}: {kind}"


def _sequence(found: Row) -> str:
    cycle = " cycle" if found["cycle"] else ""
    return f"sequence {found['name']} {found['type']} from {found['start_value']} by {found['increment_by']}{cycle}"
