"""The `[database] connection` option, as operators write it for Glance, turned into what our drivers take."""

import importlib.util
import ssl
from typing import Any

import msgspec
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from intaglio.db.base import ConnectionRefused

_DIALECTS = {
    "sqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}
_EXAMPLES = (
    "sqlite:////path/of/the/file, postgresql://user:password@host/name or mysql+pymysql://user:password@host/name"
)


class Target(msgspec.Struct, frozen=True):
    """Which database, through which driver; `url` holds the password, so it is never formatted."""

    dialect: str
    url: URL
    connect_args: dict[str, Any]


def parse(connection: str) -> Target:
    """The target of an SQLAlchemy URL. Raises `ConnectionRefused`."""
    try:
        url = make_url(connection)
        name = url.get_backend_name()
    except (ArgumentError, ValueError):
        # from None: the library's error quotes the whole URL
        raise ConnectionRefused(f"[database] connection is not a database URL; it looks like {_EXAMPLES}.") from None
    dialect = _DIALECTS.get(name)
    if dialect is None:
        raise ConnectionRefused(f"[database] connection names the database kind {name!r}; known are {_EXAMPLES}.")
    if dialect == "sqlite":
        return _sqlite(url)
    return _mysql(url) if dialect == "mysql" else _postgresql(url)


def _sqlite(url: URL) -> Target:
    if not url.database or url.database == ":memory:":
        raise ConnectionRefused("[database] connection: SQLite needs a file, as in sqlite:////path/of/the/file.")
    return Target("sqlite", url.set(drivername="sqlite"), {})


def _mysql(url: URL) -> Target:
    _require("aiomysql", "mysql")
    query = dict(url.query)
    files = {option: query.pop(f"ssl_{option}", None) for option in ("ca", "cert", "key")}
    arguments: dict[str, Any] = {}
    if any(files.values()):
        arguments["ssl"] = _tls(files)
    query.setdefault("charset", "utf8")  # Glance's tables hold three-byte characters
    return Target("mysql", url.set(drivername="mysql+aiomysql", query=query), arguments)


def _postgresql(url: URL) -> Target:
    _require("asyncpg", "postgresql")
    query = dict(url.query)
    arguments: dict[str, Any] = {}
    mode = query.pop("sslmode", None)
    files = {"ca": query.pop("sslrootcert", None), "cert": query.pop("sslcert", None), "key": query.pop("sslkey", None)}
    if any(files.values()):
        arguments["ssl"] = _tls(files, verify_name=mode != "verify-ca")
    elif mode is not None:
        arguments["ssl"] = mode  # asyncpg knows libpq's words
    return Target("postgresql", url.set(drivername="postgresql+asyncpg", query=query), arguments)


def _tls(files: dict[str, Any], *, verify_name: bool = True) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files["ca"])
        context.check_hostname = verify_name
        if files["cert"]:
            context.load_cert_chain(files["cert"], files["key"])
    except OSError as error:
        raise ConnectionRefused(f"[database] connection: its TLS files cannot be read: {error.strerror}.") from error
    return context


def _require(driver: str, extra: str) -> None:
    if importlib.util.find_spec(driver) is None:
        raise ConnectionRefused(
            f"[database] connection: this kind of database needs the driver {driver}; "
            f"install it with: pip install 'intaglio[{extra}]'"
        )
