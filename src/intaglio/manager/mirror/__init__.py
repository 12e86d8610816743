"""A mirror of what a catalogue names, in a bucket or a directory: complete, verified, and never half of a file."""
