"""Settings collected at the edge, and the wiring of every concrete part."""
