"""The projection functions: one text for each projected table, which the trigger and a rebuild share."""

from typing import Any

import psycopg
import pytest

from tests.support.agreement import rows

TABLES = ("task", "task_instance", "array")

COLUMNS_OF_TABLE = """
    SELECT a.attname::text AS name, a.atttypid AS type
    FROM pg_attribute AS a
    WHERE a.attrelid = ('sojourn.' || %s)::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
COLUMNS_OF_FUNCTION = """
    SELECT o.name, o.type
    FROM
        pg_proc AS p
        CROSS JOIN LATERAL unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY
            AS o (type, mode, name, place)
    WHERE p.oid = ('sojourn.project_' || %s)::regproc AND o.mode = 't'
    ORDER BY o.place
"""


@pytest.mark.parametrize("table", TABLES)
def test_a_projection_function_returns_the_columns_of_its_table(
    connection: psycopg.Connection[Any], table: str
) -> None:
    """The trigger and the rebuild insert its rows as they are, without a list of columns."""
    columns = rows(connection, COLUMNS_OF_TABLE, table)

    assert len(columns) > 5
    assert rows(connection, COLUMNS_OF_FUNCTION, table) == columns
