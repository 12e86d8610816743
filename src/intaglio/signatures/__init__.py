"""Whether the bytes of an image are those that somebody signed whom the operator trusts."""
