"""What follows from the options of an RBD store, without a cluster: locations, sizes, times, refusals."""

import subprocess
import sys

import pytest

from intaglio.stores.base import Misconfigured, NotFound
from intaglio.stores.drivers.rbd import RbdStore
from intaglio.stores.drivers.rbd_options import key_of, location, options

FSID = "c3a1b0f2-5a0e-4a55-9c5b-0d4f1b3d2e11"
IMAGE = "0b1f9c6e-2a52-4c7c-8b7a-2f6a8d3e9c10"


@pytest.mark.parametrize(
    ("pool", "uri"),
    [
        ("images", f"rbd://{FSID}/images/{IMAGE}/snap"),
        ("our images/a", f"rbd://{FSID}/our%20images%2Fa/{IMAGE}/snap"),
    ],
)
def test_locations_are_glances(pool: str, uri: str) -> None:
    assert location(FSID, pool, IMAGE) == uri
    assert key_of("x", FSID, pool, uri) == (IMAGE, True)
    assert key_of("x", None, pool, uri) == (IMAGE, True)


def test_the_oldest_locations_have_no_snapshot() -> None:
    assert key_of("x", FSID, "images", f"rbd://{IMAGE}") == (IMAGE, False)


@pytest.mark.parametrize(
    "uri",
    [
        f"rbd://{FSID}/other/{IMAGE}/snap",
        f"rbd://another-cluster/images/{IMAGE}/snap",
        f"rbd://{FSID}/images/{IMAGE}/mine",
        f"rbd://{FSID}/images/{IMAGE}",
        f"rbd://{FSID}/images/a%2Fb/snap",
        f"rbd://{FSID}/images/.intaglio-upload-0.{IMAGE}/snap",
        "rbd://",
        "rbd:key",
        f"file:///images/{IMAGE}",
    ],
)
def test_other_locations_are_refused(uri: str) -> None:
    with pytest.raises(NotFound, match="pool 'images'"):
        key_of("x", FSID, "images", uri)


@pytest.mark.parametrize(("size", "order"), [(8, 23), (1, 20), (32, 25), (10, 23), (3, 21)])
def test_the_size_of_objects_is_a_power_of_two(size: int, order: int) -> None:
    assert options("x", {"rbd_store_chunk_size": size}).order == order


@pytest.mark.parametrize(("wanted", "connecting", "patience"), [(-1, 15, 60), (0, 15, 60), (5, 5, 5)])
def test_nothing_waits_for_ever(wanted: int, connecting: float, patience: float) -> None:
    chosen = options("x", {"rados_connect_timeout": wanted})
    assert (chosen.connecting, chosen.patience) == (connecting, patience)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rbd_store_chunk_size": 64}, "rbd_store_chunk_size must be 1 to 32, not 64"),
        ({"rbd_store_chunk_size": 0}, "rbd_store_chunk_size"),
        ({"rbd_store_pool": ""}, "rbd_store_pool must be set"),
        ({"rbd_store_pol": "images"}, "rbd_store_pol"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        RbdStore("x", wrong)


def test_a_location_needs_the_clusters_id() -> None:
    with pytest.raises(NotFound, match="not reached its cluster"):
        RbdStore("x", {}).uri(IMAGE)


def test_without_cephs_libraries_it_is_said_what_is_needed() -> None:
    """In a process of its own: the libraries are loaded once."""
    code = (
        "import asyncio\n"
        "from intaglio.stores.base import Broken\n"
        "from intaglio.stores.drivers import rbd_library\n"
        "from intaglio.stores.drivers.rbd import RbdStore\n"
        "rbd_library.LIBRARIES['rbd'] = 'librbd-of-nobody.so.1'\n"
        "try:\n    asyncio.run(RbdStore('x', {}).check())\nexcept Broken as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs librados.so.2 and librbd-of-nobody.so.1 of Ceph 15 or later, as the package librbd1" in done.stdout
