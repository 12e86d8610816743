"""Which build of a distribution is the newest: one small file for each upstream, by its own indexes and sums."""
