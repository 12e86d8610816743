"""Imports: which methods there are, the steps each is made of, and undoing them. Bytes go through `ingest` alone."""
