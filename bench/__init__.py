"""Measures Intaglio beside the real Glance and nginx, in one run on one machine; `python -m bench --help`."""
