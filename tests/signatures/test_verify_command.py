"""`intaglio image verify`, as people and scripts use it: what it says, and the code it ends with."""

import base64
import contextlib
import hashlib
import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.wire import FORMATS, Caller, json_of
from tests.signatures.conftest import Signing, signing_service
from tests.signatures.test_receipts import receipt
from tests.starters.base import wait_until
from tests.starters.intaglio import COMMAND

DATA = b"\0 not a disk format " * 500
EVERY = "verify_copies_days = 0.00001\n"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    """One whose worker reads every copy back about once a second."""
    conf = f"[intaglio]\n{EVERY}"
    with signing_service(tmp_path_factory.mktemp("verify"), conf) as found:
        yield found


@pytest.fixture(scope="module")
def mia(signing: Signing) -> Iterator[Caller]:
    with signing.caller("mia") as caller:
        yield caller


class Shell:
    """The command as somebody runs it who has files, and maybe a service."""

    def __init__(self, signing: Signing, home: Path) -> None:
        user = signing.service.users["mia"]
        self._home = home
        self._there = {
            "OS_AUTH_TYPE": "http_basic",
            "OS_ENDPOINT": signing.target.url,
            "OS_USERNAME": user.name,
            "OS_PASSWORD": user.password,
        }

    def __call__(self, *words: str | Path, offline: bool = False) -> tuple[int, str, str]:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self._home), **({} if offline else self._there)}
        done = subprocess.run(
            [COMMAND, "image", "verify", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: str | Path, offline: bool = False) -> dict[str, Any]:
        code, out, err = self(*words, "--format", "json", offline=offline)
        assert out, err
        found: dict[str, Any] = json.loads(out)
        assert found["code"] == code
        return found


@pytest.fixture
def shell(signing: Signing, tmp_path: Path) -> Shell:
    return Shell(signing, tmp_path)


@pytest.fixture
def pinned(signing: Signing, tmp_path: Path) -> Path:
    path = tmp_path / "service.pem"
    path.write_text(signing.service.run("cert", "service", "export", "--data-dir", signing.data))
    return path


def test_an_image_of_a_service(signing: Signing, mia: Caller, shell: Shell, pinned: Path) -> None:
    image = mia.active(DATA, name="debian-test", **signing.ann.properties(DATA))["id"]
    receipt(mia, image)
    code, out, err = shell("debian-test", "--certificate", pinned)
    assert (code, err) == (0, "")
    assert out.startswith(f"Image {image} (debian-test) is what its receipt says.\n")
    for said in (
        "which you named",
        f"{len(DATA)} read from the service",
        "by CN=Ann",
        "CN=Root vouches",
        "checked here",
    ):
        assert said in out
    found = shell.json(image)
    assert (found["verified"], found["receipt"]["pinned"], found["signature"]["checked"]) == (True, False, True)
    only = shell.json(image, "--receipt-only")
    assert (only["verified"], "bytes" in only, only["signature"]["checked"]) == (True, False, True)


def test_a_file_without_any_service(signing: Signing, mia: Caller, shell: Shell, pinned: Path, tmp_path: Path) -> None:
    """All that is needed are the file, the receipt, and the service's certificate."""
    image = mia.active(DATA, **signing.ann.properties(DATA))["id"]
    kept, disk, other = tmp_path / "kept.json", tmp_path / "disk.img", tmp_path / "other.pem"
    kept.write_text(receipt(mia, image)[0])
    disk.write_bytes(DATA)
    other.write_text(signing.eve.pem)
    with_all: tuple[str | Path, ...] = (disk, "--receipt", kept, "--certificate", pinned)
    assert shell.json(*with_all, offline=True)["verified"] is True
    (tmp_path / "ann.der").write_bytes(signing.ann.der)
    assert shell.json(*with_all, "--signer", tmp_path / "ann.der", offline=True)["signature"]["pinned"] is True
    code, _, err = shell(*with_all, "--signer", other, offline=True)
    assert (code, "signature does not fit" in err) == (1, True)
    code, _, err = shell(disk, "--receipt", kept, "--certificate", other, offline=True)
    assert (code, "another key signed it" in err) == (1, True)
    disk.write_bytes(DATA[:-1] + b"!")
    code, _, err = shell(*with_all, offline=True)
    assert (code, err.startswith("DOES NOT MATCH: The bytes are not those of the image: their md5 is")) == (1, True)
    disk.write_bytes(DATA + b"!")
    assert f"there are {len(DATA) + 1} bytes" in shell(*with_all, offline=True)[2]


def test_a_receipt_that_was_changed(mia: Caller, shell: Shell, pinned: Path, tmp_path: Path) -> None:
    image, other = mia.active(DATA)["id"], mia.active(DATA + b"2")["id"]
    envelope = json.loads(receipt(mia, image)[0])
    kept, disk = tmp_path / "kept.json", tmp_path / "disk.img"
    disk.write_bytes(DATA)
    statement = base64.b64decode(envelope["payload"])
    for document in (
        {**envelope, "payload": base64.b64encode(statement.replace(b'"computed"', b'"declared"')).decode()},
        {**envelope, "signatures": []},
        {**envelope, "payloadType": "text/plain"},
        {**envelope, "payload": "%"},
        {"payload": envelope["payload"]},
    ):
        kept.write_text(json.dumps(document))
        found = shell.json(disk, "--receipt", kept, "--certificate", pinned, offline=True)
        assert (found["code"], found["verified"]) == (1, False), document
    kept.write_text(json.dumps(envelope))
    code, _, err = shell(other, "--receipt", kept, "--certificate", pinned)
    assert (code, f"is of the image {image}" in err) == (1, True)
    assert shell(disk, "--image", other, "--certificate", pinned)[0] == 1
    assert shell(disk, "--image", image, "--certificate", pinned)[0] == 0


def test_what_cannot_be_verified(signing: Signing, mia: Caller, shell: Shell, pinned: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(DATA)
    assert shell(disk, "--certificate", pinned, offline=True)[0] == 3
    queued = mia.create(**FORMATS)["id"]
    code, _, err = shell(queued)
    assert (code, err.startswith("NOTHING TO VERIFY WITH: "), "is queued" in err) == (3, True, True)
    assert shell("no-such-image")[0] == 2
    assert shell("any", offline=True)[0] == 2
    assert shell(disk, "--receipt", tmp_path / "gone.json", "--certificate", pinned, offline=True)[0] == 2
    assert shell("--no-such-option")[0] == 2
    deactivated = mia.active(DATA)["id"]
    receipt(mia, deactivated)
    with signing.caller("adm-mia") as root:
        assert root.post(f"/v2/images/{deactivated}/actions/deactivate").status_code == 204
    code, _, err = shell(deactivated)
    assert (code, "deactivated" in err) == (2, True)
    assert shell(deactivated, "--receipt-only")[0] == 2  # this service's receipts name locations


def test_bytes_that_were_changed_with_their_digest(signing: Signing, mia: Caller) -> None:
    """Who can write to the store and to the database still cannot sign."""
    image = mia.active(DATA, **signing.ann.properties(DATA))["id"]
    receipt(mia, image)
    other = DATA[:-1] + b"!"
    new = (hashlib.sha512(other).hexdigest(), hashlib.md5(other, usedforsecurity=False).hexdigest(), image)
    assert signing.target.stores is not None
    (signing.target.stores / "fast" / image).write_bytes(other)
    with contextlib.closing(sqlite3.connect(signing.data / "intaglio.sqlite", timeout=30)) as database, database:
        database.execute("UPDATE images SET os_hash_value = ?, checksum = ?, status = 'active' WHERE id = ?", new)
        database.execute("DELETE FROM intaglio_receipts_due")

    def refused() -> bool:
        tasks = json_of(mia.get(f"/v2/images/{image}/tasks"))["tasks"]
        if mia.image(image)["status"] == "active" or not tasks:
            return False
        if "signature does not fit" in tasks[0]["message"]:
            return True
        with signing.caller("adm-mia") as root:  # it was read between the two changes
            assert root.post(f"/v2/images/{image}/actions/reactivate").status_code == 204
        return False

    wait_until(refused, "an image with other bytes and another digest")


def test_bytes_that_were_changed_in_the_store(signing: Signing, mia: Caller) -> None:
    """The worker finds them by itself, takes the image out of use, and says why to whoever listens or asks."""
    image = mia.active(DATA, **signing.ann.properties(DATA))["id"]
    assert signing.target.stores is not None
    (signing.target.stores / "fast" / image).write_bytes(DATA[:-1] + b"!")
    wait_until(lambda: mia.image(image)["status"] == "deactivated", "an image with a changed byte")
    [task] = json_of(mia.get(f"/v2/images/{image}/tasks"))["tasks"]
    assert (task["status"], "store fast was read back: its bytes are not" in task["message"]) == ("failure", True)
    events = mia.get(f"/v2/images/{image}/events").text
    assert '"status":"deactivated"' in events.replace(" ", "")
    assert "was read back" in events
    assert "bad copy of image" in signing.service.log.read_text()
    with signing.caller("adm-mia") as root:
        numbers = root.get("/metrics").text
    assert 'intaglio_copies_verified_total{store="fast",outcome="bad"} ' in numbers
    assert signing.target.directory is not None
    conf = ("--config-file", signing.target.directory / "operator.conf", "--data-dir", signing.data)
    found = json.loads(signing.service.run("image", "receipts", "--all", "--format", "json", *conf))
    assert (found["waiting"], found["there"] > 0) == (0, True)
