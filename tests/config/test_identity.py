"""The ways of authenticating in an operator's files: what is taken from where, and what a mistake is called."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.report import check, show
from intaglio.bootstrap.sources import Sources
from intaglio.identity.settings import KeystoneSettings

Make = Callable[..., Sources]
Write = Callable[..., Path]

RIGHT = {
    "www_authenticate_uri": "https://identity.example.org",
    "auth_type": "password",
    "auth_url": "http://127.0.0.1:5000",
    "username": "glance",
    "password": "very secret",
    "project_name": "service",
}


def section(options: dict[str, str], name: str = "keystone_authtoken") -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())


def keystone(sources: Sources) -> KeystoneSettings:
    found = load(sources).identity.keystone
    assert found is not None
    return found


def test_a_usual_section(write: Write, sources: Make) -> None:
    found = keystone(sources(write(section(RIGHT)), auth="keystone"))
    assert found.auth_type == "password"
    assert dict(found.login) == {name: RIGHT[name] for name in ("auth_url", "username", "password", "project_name")}
    assert found.service_token_roles == {"service"}
    assert (found.interface, found.region_name, found.service_type) == ("internal", None, "image")
    assert (found.http_connect_timeout, found.http_request_max_retries, found.token_cache_time) == (10.0, 3, 300)


def test_every_other_option(write: Write, sources: Make, tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("cafile", "certfile", "keyfile")}
    for name in files:
        (tmp_path / name).touch()
    more = {
        "region-name": "North", "interface": "public", "insecure": "yes", "http_connect_timeout": "3",
        "http_request_max_retries": "0", "token_cache_time": "-1", "service_token_roles": "Service,other",
        "service_token_roles_required": "false", "service_type": "image-north", "enforce_token_bind": "strict",
        "user-domain-name": "Default",
    }  # fmt: skip
    more["region_name"] = more.pop("region-name")
    found = keystone(sources(write(section(RIGHT | more | files)), auth="keystone"))
    assert found.login["user_domain_name"] == "Default"
    assert (found.region_name, found.interface, found.insecure) == ("North", "public", True)
    assert (found.http_connect_timeout, found.http_request_max_retries, found.token_cache_time) == (3.0, 0, -1)
    assert (found.service_token_roles, found.service_token_roles_required) == (frozenset({"service", "other"}), False)
    assert (found.service_type, found.enforce_token_bind) == ("image-north", "strict")
    assert [found.cafile, found.certfile, found.keyfile] == list(files.values())


def test_older_names(write: Write, sources: Make) -> None:
    older = dict(RIGHT)
    older["auth_uri"] = older.pop("www_authenticate_uri")
    older["auth_plugin"] = older.pop("auth_type")
    older["user_name"] = older.pop("username")
    found = keystone(sources(write(section(older)), auth="keystone"))
    assert (found.www_authenticate_uri, found.auth_type) == ("https://identity.example.org", "password")
    assert found.login["username"] == "glance"


def test_the_login_may_stand_elsewhere(write: Write, sources: Make) -> None:
    login = {name: RIGHT[name] for name in RIGHT if name != "www_authenticate_uri"}
    here = {"www_authenticate_uri": "https://id", "auth_section": "service_user"}
    text = section(here) + section(login, "service_user")
    report = check(sources(write(text), auth="keystone"))
    assert report.fine, report.problems
    assert {row.verdict for row in report.options} == {"used"}
    found = keystone(sources(write(text), auth="keystone"))
    assert (found.auth_type, found.login["password"]) == ("password", "very secret")


@pytest.mark.parametrize(
    ("changes", "option", "said"),
    [
        ({"auth_type": None}, "auth_type", "auth_type is not set"),
        ({"auth_url": None}, "auth_url", "auth_url is not set: a login of auth_type password needs it"),
        ({"password": None}, "password", "password is not set"),
        ({"username": None}, "username", "username or user_id is not set"),
        ({"auth_type": "v3applicationcredential"}, "application_credential_id", "application_credential_id or"),
        ({"cafile": "/no/such/file"}, "cafile", "There is no file '/no/such/file'"),
        ({"http_connect_timeout": "0"}, "http_connect_timeout", "at least 0.1"),
    ],
    ids=["type", "url", "password", "user", "credential", "file", "time"],
)
def test_what_is_missing_is_named(
    changes: dict[str, str | None], option: str, said: str, write: Write, sources: Make
) -> None:
    options = {name: value for name, value in (RIGHT | changes).items() if value is not None}
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(write(section(options)), auth="keystone"))
    assert f"[keystone_authtoken] {option}" in str(caught.value)
    assert said in str(caught.value)
    assert "very secret" not in str(caught.value)


def test_without_the_part_the_error_says_how_to_get_it(
    write: Write, sources: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigInvalid, match=r"pip install 'intaglio\[keystone\]'"):
        load(sources(write(section(RIGHT)), auth="keystone"))


def test_clients_are_told_the_login_address_with_a_warning(write: Write, sources: Make) -> None:
    options = {name: value for name, value in RIGHT.items() if name != "www_authenticate_uri"}
    configuration = configure(sources(write(section(options)), auth="keystone"))
    assert configuration.settings.identity.keystone is not None
    assert configuration.settings.identity.keystone.www_authenticate_uri == "http://127.0.0.1:5000"
    [warning] = [found for found in configuration.warnings if found.code == "no-public-identity"]
    assert "clients are told http://127.0.0.1:5000" in warning.message


def test_show_and_check_tell_no_secret_and_say_what_memcached_does(write: Write, sources: Make) -> None:
    options = RIGHT | {"memcached_servers": "10.0.0.1:11211", "memcache_secret_key": "another secret"}
    made = sources(write(section(options)), auth="keystone")
    shown = {row.option: row.value for row in show(made) if row.group == "keystone_authtoken"}
    assert (shown["password"], shown["username"]) == ("***", "glance")
    assert (shown["http_connect_timeout"], shown["service_type"]) == ("10.0", "image")
    report = check(made)
    assert report.fine
    rows = {row.option: row for row in report.options}
    assert rows["memcached_servers"].verdict == "obsolete"
    assert "kept in the memory of each process, for token_cache_time" in rows["memcached_servers"].note
    assert rows["memcache_secret_key"].value is None
    assert "secret" not in repr([row.value for row in report.options])


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("127.0.0.1", ["127.0.0.1/32"]),
        ("[10.0.0.0/8, fd00::/64]", ["10.0.0.0/8", "fd00::/64"]),
        ("10.0.0.1/8", None),
        ("proxy.example.org", None),
        ("", None),
    ],
)
def test_trusted_proxies(value: str, networks: list[str] | None, write: Write, sources: Make) -> None:
    made = sources(write(f"[intaglio]\ntrusted_proxies = {value}\n"), auth="trusted_proxy")
    if networks is None:
        with pytest.raises(ConfigInvalid, match=r"\[intaglio\] trusted_proxies"):
            load(made)
    else:
        assert [str(network) for network in load(made).identity.trusted_proxies] == networks
