"""The options of a store on the web: whom it trusts and which proxies it uses, beside what holds for every URL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.outbound.settings import OutboundSettings

AUTHORITIES, INSECURE, PROXIES = "https_ca_certificates_file", "https_insecure", "http_proxy_information"


def web_rules(reading: Reading, group: str, options: Mapping[str, Any], outbound: OutboundSettings) -> OutboundSettings:
    """The rules of the store of this group, whose own `options` are those that the operator set."""
    authorities = options.get(AUTHORITIES) or None
    if authorities and not Path(authorities).is_file():
        reading.complain(group, AUTHORITIES, f"There is no file {authorities!r}.")
        authorities = None
    insecure = bool(options.get(INSECURE)) and authorities is None
    if insecure:
        said = "The certificates of web servers are not checked: whoever is between here and there can change images."
        reading.complain(group, INSECURE, said, code="insecure", level=Level.WARNING)
    rules = replace(outbound, insecure=insecure, proxies=_proxies(reading, group, options.get(PROXIES) or ()))
    return rules if authorities is None else replace(rules, ca_file=Path(authorities), ca_alone=True)


def _proxies(reading: Reading, group: str, pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for scheme, text in pairs:
        url = text if "://" in text else f"http://{text}"
        if scheme not in {"http", "https"} or not _is_proxy(url):
            said = "Each proxy is written as http:HOST:PORT or https:HOST:PORT, after the scheme of what is fetched."
            reading.complain(group, PROXIES, said)
        else:
            found[scheme] = url
    return found


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
