"""Images and the rules about them, as pure values and functions: no I/O, no framework."""
