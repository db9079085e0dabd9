"""What the log has, in the formats of other tools."""
