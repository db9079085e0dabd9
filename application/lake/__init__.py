"""The lake: questions about the Parquet dataset of an archive, answered by engines that read it without a database."""
