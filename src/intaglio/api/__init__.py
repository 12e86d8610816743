"""HTTP: the routes table, translation of requests into use cases and of results into responses."""
