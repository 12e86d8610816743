"""What administrators are told of a store: the operator's settings or Glance's defaults, and nothing secret."""

import pytest

from intaglio.bootstrap.options.catalogue import DRIVERS
from intaglio.bootstrap.options.model import Kind
from intaglio.bootstrap.options.stores import WORKING
from intaglio.stores.facts import facts
from intaglio.stores.settings import StoreConfig

CINDER = {"volume_type": None, "use_multipath": False}
FILE = {"data_dir": "/srv", "chunk_size": 65536, "thin_provisioning": False}
RBD = {"chunk_size": 8, "pool": "images", "thin_provisioning": False}
S3 = {"s3_store_large_object_size": 100, "s3_store_large_object_chunk_size": 10, "s3_store_thread_pools": 10}
SWIFT = {"container": "glance", "large_object_size": 5120 * 1_024_000, "large_object_chunk_size": 200 * 1_024_000}


@pytest.mark.parametrize(
    ("kind", "options", "shown"),
    [
        ("file", {"filesystem_store_datadir": "/srv"}, FILE),
        ("file", {"filesystem_store_datadirs": ("/a:1", "/b:2")}, FILE | {"data_dir": "/a:1,/b:2"}),
        (
            "file",
            {
                "filesystem_store_datadir": "/srv",
                "filesystem_store_chunk_size": 5,
                "filesystem_thin_provisioning": True,
            },
            FILE | {"chunk_size": 5, "thin_provisioning": True},
        ),
        ("s3", {"s3_store_host": "h", "s3_store_secret_key": "hush"}, S3),
        ("s3", {"s3_store_thread_pools": 3}, S3 | {"s3_store_thread_pools": 3}),
        ("rbd", {"rbd_store_pool": "p", "rbd_store_user": "u"}, RBD | {"pool": "p"}),
        ("swift", {"swift_store_key": "hush"}, SWIFT),
        ("swift", {"swift_store_large_object_chunk_size": 1}, SWIFT | {"large_object_chunk_size": 1_024_000}),
        ("cinder", {"cinder_store_password": "hush"}, CINDER),
        ("cinder", {"cinder_volume_type": "t"}, CINDER | {"volume_type": "t"}),
        ("http", {"anything": 1}, {}),
    ],
    ids=[
        "directory",
        "directories",
        "chosen",
        "s3",
        "s3-chosen",
        "rbd",
        "swift",
        "swift-chosen",
        "cinder",
        "cinder-chosen",
        "nothing-to-show",
    ],
)
def test_facts(kind: str, options: dict[str, object], shown: dict[str, object]) -> None:
    assert facts(StoreConfig(id="x", type=kind, options=options)) == shown


@pytest.mark.parametrize("kind", WORKING)
def test_no_secret_is_among_them(kind: str) -> None:
    everything = {
        option.name: 7 if option.kind is Kind.INTEGER else f"value of {option.name}" for option in DRIVERS[kind]
    }
    secrets = {everything[option.name] for option in DRIVERS[kind] if option.secret}
    assert not secrets & set(map(str, facts(StoreConfig(id="x", type=kind, options=everything)).values()))


@pytest.mark.parametrize("kind", ["rbd", "s3"])
def test_defaults_are_those_of_the_options(kind: str) -> None:
    defaults = {option.name: option.default for option in DRIVERS[kind]}
    for name, value in facts(StoreConfig(id="x", type=kind)).items():
        assert value == next(default for option, default in defaults.items() if option.endswith(name))
