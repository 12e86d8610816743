"""The services that the API tests talk to, and the callers who do."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.wire import PEOPLE, Caller, Json, Target
from tests.starters.glance import FileStore, glance
from tests.starters.intaglio import intaglio


def two_stores(directory: Path) -> list[FileStore]:
    stores = directory / "stores"
    return [FileStore("fast", stores / "fast", 200), FileStore("slow", stores / "slow", 100)]


def several_stores(directory: Path) -> str:
    """glance-api.conf for two file stores."""
    text = "[DEFAULT]\nenabled_backends = fast:file,slow:file\n[glance_store]\ndefault_backend = fast\n"
    for store in two_stores(directory):
        text += f"[{store.id}]\nfilesystem_store_datadir = {store.directory}\nweight = {store.weight}\n"
    return text


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The service that all tests share: two file stores, users of every kind."""
    peer = request.config.getoption("against_glance")
    directory = tmp_path_factory.mktemp("shared")
    if peer and peer != "start":
        yield Target(peer, peer=True)
    elif peer:
        with glance(directory, stores=two_stores(directory), auth="headers") as server:
            yield Target(server.url, peer=True, stores=directory / "stores", directory=directory)
    else:
        with intaglio(directory, users=PEOPLE, conf=several_stores(directory)) as service:
            yield Target(service.url, stores=directory / "stores", directory=directory)


@pytest.fixture(scope="session")
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service with one store, as it starts without any configuration."""
    directory = tmp_path_factory.mktemp("plain")
    if request.config.getoption("against_glance"):
        with glance(directory, auth="headers") as server:
            yield Target(server.url, peer=True)
    else:
        with intaglio(directory, users=PEOPLE) as service:
            yield Target(service.url)


ARRANGED = """\
[DEFAULT]
public_endpoint = https://images.example.org/store
show_multiple_locations = true
show_image_direct_url = true
image_member_quota = 3
image_cache_dir = {cache}
[fast]
store_description = quick, and dear
[cors]
allowed_origin = https://dash.example.org,https://other.example.org:8443
"""
ARRANGED_SCHEMA: dict[str, Json] = {
    "kernel_id": {"type": ["null", "string"], "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    "os_distro": {"type": "string", "enum": ["debian", "fedora"], "description": "The distribution."},
    "cores": {"type": "integer", "minimum": 1},
    "load": {"type": "number"},
    "tested": {"type": "boolean"},
}


@pytest.fixture(scope="session")
def arranged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service whose operator chose more: locations are shown, properties are typed, sites may call."""
    directory = tmp_path_factory.mktemp("arranged")
    conf = ARRANGED.format(cache=directory / "cache")
    schema = json.dumps(ARRANGED_SCHEMA)
    if request.config.getoption("against_glance"):
        stores = two_stores(directory)
        with glance(directory, stores=stores, auth="headers", conf=conf, started=False) as server:
            (directory / "etc" / "schema-image.json").write_text(schema)
            server.start()
            yield Target(server.url, peer=True, stores=directory / "stores", directory=directory)
    else:
        (directory / "schema-image.json").write_text(schema)
        with intaglio(directory, users=PEOPLE, conf=several_stores(directory) + conf, workers=1) as service:
            yield Target(service.url, stores=directory / "stores", directory=directory)


@contextlib.contextmanager
def everybody(target: Target) -> Iterator[Callable[[str], Caller]]:
    made = {user.name: Caller(target, user) for user in PEOPLE} | {"nobody": Caller(target, None)}
    yield made.__getitem__
    for caller in made.values():
        caller.close()


@pytest.fixture(scope="session")
def there(arranged: Target) -> Iterator[Callable[[str], Caller]]:
    """Callers of the `arranged` service by name, as `callers`."""
    with everybody(arranged) as made:
        yield made


@pytest.fixture(scope="session")
def callers(target: Target) -> Iterator[Callable[[str], Caller]]:
    """Callers by name: those of PEOPLE, and `nobody`, who shows no credentials."""
    with everybody(target) as made:
        yield made


@pytest.fixture(scope="session")
def admin(callers: Callable[[str], Caller]) -> Caller:
    """An administrator, of project ops."""
    return callers("root")


@pytest.fixture(scope="session")
def member(callers: Callable[[str], Caller]) -> Caller:
    """Role member, of project alpha: whose images most tests are about."""
    return callers("mia")


@pytest.fixture(scope="session")
def reader(callers: Callable[[str], Caller]) -> Caller:
    """Role reader only, of project alpha."""
    return callers("rea")


@pytest.fixture(scope="session")
def stranger(callers: Callable[[str], Caller]) -> Caller:
    """Role member, of project beta."""
    return callers("stan")


@pytest.fixture(scope="session")
def strange_reader(callers: Callable[[str], Caller]) -> Caller:
    """Role reader only, of project beta."""
    return callers("bea")


@pytest.fixture(scope="session")
def nobody(callers: Callable[[str], Caller]) -> Caller:
    """No credentials at all."""
    return callers("nobody")
