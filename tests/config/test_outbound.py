"""What users may have fetched, as an operator's file says it, and what a mistake in it is called."""

import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.report import show
from intaglio.bootstrap.sources import Sources
from intaglio.outbound.settings import OutboundSettings, UrlLists

Make = Callable[..., Sources]
Write = Callable[..., Path]

ALL = """\
[import_filtering_opts]
allowed_schemes = [https]
disallowed_schemes =
allowed_hosts =
disallowed_hosts = [bad.example.org,worse.example.org]
allowed_ports = []
disallowed_ports = [22,25]
[intaglio]
fetch_networks = 10.0.0.0/8,fd00::/8
fetch_proxy = http://user:geheim@proxy.example.org:3128
fetch_connect_seconds = 3
fetch_stall_seconds = 4
fetch_total_hours = 0.5
fetch_slowest = 10
"""


def test_nothing_said(sources: Make) -> None:
    settings = load(sources())
    assert settings.outbound == OutboundSettings()
    assert settings.copied_properties == ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type")


def test_everything_said(write: Write, sources: Make) -> None:
    made = sources(write(ALL))
    outbound = load(made).outbound
    assert outbound.lists == UrlLists(
        allowed_schemes=("https",),
        disallowed_hosts=("bad.example.org", "worse.example.org"),
        allowed_ports=(),
        disallowed_ports=(22, 25),
    )
    assert outbound.networks == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    patience = outbound.patience
    assert (patience.connect, patience.stall, patience.first_byte, patience.total, patience.slowest) == (
        *(3, 4, 4),
        *(1800, 10),
    )
    assert "geheim" not in str([str(row) for row in show(made)]) + repr(outbound)


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("fetch_networks = 10.0.0.1/8", "fetch_networks"),
        ("fetch_networks = intranet", "fetch_networks"),
        ("fetch_proxy = proxy.example.org:3128", "fetch_proxy"),
        ("fetch_proxy = socks5://proxy.example.org", "fetch_proxy"),
        ("fetch_proxy = http://proxy.example.org:x", "fetch_proxy"),
        ("fetch_ca_file = /nowhere/ca.pem", "fetch_ca_file"),
        ("fetch_stall_seconds = 0", "fetch_stall_seconds"),
    ],
)
def test_mistakes(write: Write, sources: Make, line: str, option: str) -> None:
    with pytest.raises(ConfigInvalid, match=rf"\[intaglio\] {option}"):
        load(sources(write(f"[intaglio]\n{line}\n")))


def test_a_deny_list_without_effect_is_said(write: Write, sources: Make) -> None:
    found = configure(sources(write("[import_filtering_opts]\ndisallowed_ports = [22]\n"))).warnings
    assert [str(warning) for warning in found if "allowed_ports is not empty" in str(warning)]
