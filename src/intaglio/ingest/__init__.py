"""The one door for bytes: meter, hash, inspect, verify, store."""
