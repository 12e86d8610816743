"""The real clients, as programs of their own, against a running service: what people type and what they see."""
