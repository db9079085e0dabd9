"""Archives on DuckDB and Spark: see docs/archive.md. The packages come with the extra `lake`."""

from application.lake.lake import Lake, spark_intervals, spark_sql, spark_views

__all__ = ["Lake", "spark_intervals", "spark_sql", "spark_views"]
