"""The company file: read, checked with file, line and field, and applied."""
