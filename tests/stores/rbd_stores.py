"""RBD stores as an operator configures them, on a cluster of the tests, and what is in a pool by Ceph's own tools."""

import json
from typing import Any

from intaglio.stores.drivers.rbd import RbdStore
from tests.starters.ceph import Ceph, CommandFailed


def options(cluster: Ceph, pool: str, **others: object) -> dict[str, object]:
    """What an operator writes for this cluster."""
    return {
        "rbd_store_ceph_conf": str(cluster.conf),
        "rbd_store_user": cluster.user,
        "rbd_store_pool": pool,
        **others,
    }


def store(cluster: Ceph, pool: str, **others: object) -> RbdStore:
    """A store that takes an image of an upload for abandoned as soon as nobody has it open."""
    return RbdStore("rbd", options(cluster, pool, **others), grace=0)


def rbd(cluster: Ceph, pool: str, *words: str) -> Any:
    """What `rbd` answers."""
    answer = cluster.run("rbd", "--pool", pool, "--format", "json", *words)
    return json.loads(answer) if answer.strip() else None


def change(cluster: Ceph, pool: str, *words: str) -> None:
    """Let `rbd` do something."""
    cluster.run("rbd", "--pool", pool, *words)


def images(cluster: Ceph, pool: str) -> list[str]:
    """The names of all images."""
    names: list[str] = rbd(cluster, pool, "ls")
    return sorted(names)


def trash(cluster: Ceph, pool: str) -> list[str]:
    """The names of the images in the trash, by which they went before."""
    return sorted(image["name"] for image in rbd(cluster, pool, "trash", "ls", "--all"))


def objects(cluster: Ceph, pool: str) -> list[str]:
    """Everything in the pool but its own three or four: of a pool without images there is nothing."""
    names = cluster.run("rados", "--pool", pool, "ls").split()
    return sorted({*names} - {"rbd_directory", "rbd_info", "rbd_trash", "rbd_children"})


def info(cluster: Ceph, pool: str, image: str) -> Any:
    """What `rbd info` says; None of an image that is not there."""
    try:
        return rbd(cluster, pool, "info", image)
    except CommandFailed:
        return None
