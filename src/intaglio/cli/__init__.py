"""The `intaglio` command: parses, calls, prints."""
