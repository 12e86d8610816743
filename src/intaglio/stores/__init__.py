"""Where bytes are kept: one contract, its wrappers, and the drivers behind the registry."""
