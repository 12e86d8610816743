"""Reads how often callers may call: `[intaglio] rate_limit_…`, written as `user:60/minute,project:10/30seconds`."""

import re
from collections.abc import Iterable
from pathlib import Path

from intaglio.api.settings import RateClass, RateSettings, Rule
from intaglio.bootstrap.reading import Reading

KINDS = ("user", "project", "address")
_RATE = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,5})?\s*(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SCHEMES = ("redis://", "rediss://")


def rate_settings(reading: Reading, data_dir: Path) -> RateSettings:
    """The limits of each class of calls; one that cannot be understood becomes a problem."""
    rules: dict[RateClass, tuple[Rule, ...]] = {}
    for rate in RateClass:
        if rate is not RateClass.FREE:
            rules[rate] = _rules(reading, f"rate_limit_{rate}")
    storage = reading.get("intaglio", "rate_limit_storage") or None
    if storage is not None and not storage.startswith(_SCHEMES):
        reading.complain("intaglio", "rate_limit_storage", "The URL must begin with redis:// or rediss://.")
        storage = None
    forwarded = reading.get("oslo_middleware", "enable_proxy_headers_parsing")
    return RateSettings(rules=rules, file=data_dir / "rates", storage=storage, forwarded=forwarded)


def _rules(reading: Reading, option: str) -> tuple[Rule, ...]:
    pairs: Iterable[tuple[str, str]] = reading.get("intaglio", option)
    rules = []
    for kind, text in pairs:
        match = _RATE.fullmatch(text.strip())
        if kind not in KINDS or match is None:
            reading.complain(
                "intaglio",
                option,
                f"{kind}:{text} is no limit: write user, project or address, a colon, and calls in a time, "
                "such as user:60/minute or address:100/10seconds.",
            )
        else:
            calls, multiple, unit = match.groups()
            rules.append(Rule(kind, int(calls), int(multiple or 1) * _SECONDS[unit]))
    return tuple(rules)
