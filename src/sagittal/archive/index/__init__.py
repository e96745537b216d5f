"""The index: tables, hot statements, search."""
