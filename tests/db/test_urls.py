"""The connection option as operators write it: what it is turned into, and what is said of a wrong one."""

import importlib.util

import pytest

from intaglio.db.base import ConnectionRefused
from intaglio.db.urls import parse


@pytest.mark.parametrize(
    ("written", "dialect", "ours"),
    [
        ("sqlite:////var/lib/a.sqlite", "sqlite", "sqlite:////var/lib/a.sqlite"),
        ("sqlite+pysqlite:///a.sqlite", "sqlite", "sqlite:///a.sqlite"),
        ("mysql+pymysql://g:pw@db/glance?charset=utf8", "mysql", "mysql+aiomysql://g:pw@db/glance?charset=utf8"),
        ("mysql+mysqldb://g@db:3307/glance", "mysql", "mysql+aiomysql://g@db:3307/glance?charset=utf8"),
        ("mysql://g:p%40w@db/glance", "mysql", "mysql+aiomysql://g:p%40w@db/glance?charset=utf8"),
        ("mariadb+pymysql://g@db/glance", "mysql", "mysql+aiomysql://g@db/glance?charset=utf8"),
        ("postgresql://g:pw@db/glance", "postgresql", "postgresql+asyncpg://g:pw@db/glance"),
        ("postgresql+psycopg2://g:pw@db/glance", "postgresql", "postgresql+asyncpg://g:pw@db/glance"),
        ("postgres://g:pw@db:5433/glance", "postgresql", "postgresql+asyncpg://g:pw@db:5433/glance"),
        ("postgresql://g:pw@db/glance?sslmode=require", "postgresql", "postgresql+asyncpg://g:pw@db/glance"),
    ],
)
def test_known_forms(written: str, dialect: str, ours: str) -> None:
    target = parse(written)
    assert target.dialect == dialect
    assert target.url.render_as_string(hide_password=False) == ours


@pytest.mark.parametrize(
    "written",
    [
        "",
        "word",
        "oracle://g:secret@db/x",
        "mysql:/g:secret@db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_wrong_ones_are_explained_without_the_password(written: str) -> None:
    with pytest.raises(ConnectionRefused) as raised:
        parse(written)
    assert "secret" not in str(raised.value)
    assert "[database] connection" in str(raised.value)


@pytest.mark.parametrize(("written", "extra"), [("mysql://g@db/x", "mysql"), ("postgresql://g@db/x", "postgresql")])
def test_a_missing_driver_names_the_extra(written: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConnectionRefused, match=rf"pip install 'intaglio\[{extra}\]'"):
        parse(written)


def test_postgresql_ssl_mode_is_handed_on() -> None:
    assert parse("postgresql://g@db/x?sslmode=verify-full").connect_args == {"ssl": "verify-full"}


def test_unreadable_certificates_are_named() -> None:
    with pytest.raises(ConnectionRefused, match="TLS files"):
        parse("mysql://g:secret@db/x?ssl_ca=/no/such/file")
