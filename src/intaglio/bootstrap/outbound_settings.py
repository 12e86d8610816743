"""What users may have fetched: `[import_filtering_opts]`, and our own options about networks, time and trust."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.outbound.settings import Network, OutboundSettings, Patience, UrlLists

GROUP = "import_filtering_opts"
_PAIRS = ("schemes", "hosts", "ports")


def outbound_settings(reading: Reading) -> OutboundSettings:
    """All of it; what is wrong is a problem and stands as its default."""
    names = UrlLists.__struct_fields__
    ca_file = reading.get("intaglio", "fetch_ca_file")
    if ca_file and not Path(ca_file).is_file():
        reading.complain("intaglio", "fetch_ca_file", f"There is no file {ca_file!r}.")
    _check_pairs(reading)
    return OutboundSettings(
        lists=UrlLists(**{name: reading.get(GROUP, name) for name in names}),
        networks=_networks(reading),
        ca_file=Path(ca_file) if ca_file else None,
        proxy=_proxy(reading),
        patience=Patience(
            connect=reading.get("intaglio", "fetch_connect_seconds"),
            first_byte=reading.get("intaglio", "fetch_stall_seconds"),
            stall=reading.get("intaglio", "fetch_stall_seconds"),
            total=reading.get("intaglio", "fetch_total_hours") * 3600,
            slowest=reading.get("intaglio", "fetch_slowest"),
        ),
    )


def _networks(reading: Reading) -> tuple[Network, ...]:
    found = []
    for text in reading.get("intaglio", "fetch_networks"):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            message = f"{text!r} is no address or network such as 10.0.0.5 or 10.0.0.0/24 (with no bits set after it)."
            reading.complain("intaglio", "fetch_networks", message)
    return tuple(found)


def _proxy(reading: Reading) -> str | None:
    text: str | None = reading.get("intaglio", "fetch_proxy")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        reading.complain("intaglio", "fetch_proxy", "It must be a URL such as http://proxy.example.org:3128.")
        return None
    return text


def _check_pairs(reading: Reading) -> None:
    for kind in _PAIRS:
        if reading.is_set(GROUP, f"disallowed_{kind}") and reading.get(GROUP, f"allowed_{kind}"):
            message = f"It has no effect: allowed_{kind} is not empty, and then decides alone."
            reading.complain(GROUP, f"disallowed_{kind}", message, code="no-effect", level=Level.WARNING)
