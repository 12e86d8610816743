"""The receipt of an image in Ceph names the snapshot that clones have for a parent, by the cluster's own numbers."""

import uuid
from pathlib import Path

import pytest

from tests.api.wire import PEOPLE, Caller, Target
from tests.signatures.test_receipts import receipt
from tests.starters.ceph import Ceph
from tests.starters.intaglio import intaglio
from tests.stores.rbd_stores import info, options, rbd

pytestmark = pytest.mark.real


def test_it_names_the_snapshot(ceph_cluster: Ceph, tmp_path: Path) -> None:
    pool = ceph_cluster.make_pool(f"test-{uuid.uuid4().hex}")
    said = "\n".join(f"{name} = {value}" for name, value in options(ceph_cluster, pool).items())
    conf = f"[DEFAULT]\nenabled_backends = ceph:rbd\n[glance_store]\ndefault_backend = ceph\n[ceph]\n{said}\n"
    with (
        intaglio(tmp_path, users=PEOPLE, conf=conf, workers=1) as service,
        Caller(Target(service.url), service.users["mia"]) as mia,
    ):
        image = mia.active(b"some bytes in Ceph" * 100)["id"]
        [copy] = receipt(mia, image)[1]["predicate"]["copies"]
        [snapshot] = rbd(ceph_cluster, pool, "snap", "ls", image)
        assert copy["object"] == {
            "pool": pool,
            "image_id": info(ceph_cluster, pool, image)["id"],
            "snapshot": "snap",
            "snapshot_id": str(snapshot["id"]),
        }
        assert (copy["store"], copy["type"], "location" in copy) == ("ceph", "rbd", False)  # as users see it
        assert mia.post(f"/v2/images/{image}/actions/deactivate").status_code == 204
        assert mia.get(f"/v2/images/{image}/receipt").status_code == 200  # it names no location
        assert mia.delete(f"/v2/images/{image}").status_code == 204
