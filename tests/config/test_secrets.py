"""No secret is printed: not by check, show, an error, a warning, or the settings' own representation."""

import pickle
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from intaglio.bootstrap.load import configure
from intaglio.bootstrap.options.catalogue import Catalogue
from intaglio.bootstrap.options.model import Kind, Option
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.report import check, show
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.values import mask_url

SECRET = "s3cr3tAndUnique"
TYPES = {f"a-{kind}": kind for kind in ("file", "http", "rbd", "s3", "swift", "cinder", "vmware")}
SECRETS = [(group, option) for group, option in Catalogue(TYPES) if option.secret]

words = st.text(alphabet="abcXYZ019:/@?#&=%.,;-_~!*()[]{} ", min_size=8, max_size=20).map(lambda text: text + SECRET)


def everything_said(sources: Sources) -> str:
    said = [msgspec.json.encode(check(sources)).decode()]
    try:
        configuration = configure(sources)
    except ConfigInvalid as invalid:
        return said[0] + str(invalid)
    said += [msgspec.json.encode(show(sources)).decode(), repr(configuration.settings), str(configuration.warnings)]
    said += [pretty_repr(configuration.settings), repr(configuration)]
    return "".join(said)


def stores_file(path: Path, group: str, line: str) -> Path:
    backends = ",".join(f"{store}:{kind}" for store, kind in TYPES.items())
    path.write_text(
        f"[DEFAULT]\nenabled_backends = {backends}\n[glance_store]\ndefault_backend = a-file\n[{group}]\n{line}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(("group", "option"), SECRETS, ids=lambda part: part if isinstance(part, str) else part.name)
def test_every_secret_option_is_masked_everywhere(
    group: str, option: Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = f"mysql://user:{SECRET}@host/db" if option.kind is Kind.URL else SECRET
    for name in (option.name, *(alias for where, alias in option.aliases if not where)):
        file = stores_file(tmp_path / "a.conf", group, f"{name} = {value}")
        sources = Sources(files=(file,), overrides={"data_dir": str(tmp_path)})
        assert SECRET not in everything_said(sources)
    monkeypatch.setenv(f"OS_{group.upper()}__{option.name.upper()}", value)
    assert SECRET not in everything_said(Sources(overrides={"data_dir": str(tmp_path)}))


@pytest.mark.parametrize("name", ["connection", "conection", "slave_connection"])
def test_a_connection_that_is_no_url_is_masked(name: str, tmp_path: Path) -> None:
    file = stores_file(tmp_path / "a.conf", "database", f"{name} = user {SECRET} host")
    assert SECRET not in everything_said(Sources(files=(file,), overrides={"data_dir": str(tmp_path)}))


@pytest.mark.parametrize("name", ["worker_self_reference_url", "node_staging_uri"])
def test_passwords_in_other_urls_are_masked(name: str, tmp_path: Path) -> None:
    file = stores_file(tmp_path / "a.conf", "DEFAULT", f"{name} = https://user:{SECRET}@host/path")
    said = everything_said(Sources(files=(file,), overrides={"data_dir": str(tmp_path)}))
    assert SECRET not in said
    assert "https://user:***@host/path" in said


@given(secret=words)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_password_in_a_connection_is_masked(secret: str, tmp_path: Path) -> None:
    url = f"mysql+pymysql://glance:{secret}@db.example/glance?charset=utf8"
    file = stores_file(tmp_path / "a.conf", "database", f"connection = {url}")
    assert SECRET not in everything_said(Sources(files=(file,), overrides={"data_dir": str(tmp_path)}))


@given(secret=st.text(min_size=1, max_size=12).map(lambda text: text + SECRET))
def test_any_text_is_masked(secret: str) -> None:
    assert SECRET not in mask_url(f"postgresql://glance:{secret}@host:5432/db")
    assert SECRET not in mask_url(f"rabbit://u:{secret}@h1:5672,v:{secret}@h2:5672/vhost")


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:////var/lib/x.sqlite", "sqlite:////var/lib/x.sqlite"),
        ("mysql://u:p@h:1/db?charset=utf8&ssl_key=k", "mysql://u:***@h:1/db?charset=utf8&ssl_key=***"),
        ("postgresql://token@h/db", "postgresql://***@h/db"),
        ("postgresql://h/db?password=p", "postgresql://h/db?password=***"),
        ("just text", "just text"),
        ("", ""),
    ],
)
def test_what_a_masked_url_looks_like(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_settings_travel_to_another_process_whole(tmp_path: Path) -> None:
    file = stores_file(tmp_path / "a.conf", "database", f"connection = mysql://u:{SECRET}@h/db")
    made = configure(Sources(files=(file,), overrides={"data_dir": str(tmp_path)})).settings
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own bytes
    assert SECRET in made.database.connection
