"""What a rule is, and the ones that other rules build on. Names and defaults are Glance's, so overrides carry over."""

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """One named decision. `check` is its default in oslo.policy's language; `guards` says what it decides."""

    name: str
    check: str
    guards: str


BASE_RULES = (
    Rule("default", "", "What a rule without a default of its own falls back to."),
    Rule("context_is_admin", "role:admin", "What an administrator is."),
    Rule("service_api", "role:service or role:admin", "What another service is."),
)
