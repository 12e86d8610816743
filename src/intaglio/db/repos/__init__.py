"""One module a resource: functions that take a connection first and speak in domain values."""
