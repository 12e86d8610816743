"""Use cases, one file a family: who, may they, quota, do, record. They own the transactions."""
