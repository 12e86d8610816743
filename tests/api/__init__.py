"""The API over HTTP, seen from outside: one file an arc of interaction, tables of what is asked and answered.

The same tests run against the real Glance 33 with `--against-glance`: what they expect is then proved to be what
clients know. A row that expects better than Glance on purpose says so (`differs`), and must then fail there.
"""
