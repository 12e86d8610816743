"""simplestreams: exported trees are read by LXD's own client and by our reader; streams are followed when trusted."""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from intaglio.manager import catalogue
from intaglio.manager.discovery.base import Wanted
from intaglio.manager.streams import reading
from intaglio.manager.streams.export import Choices, Outcome, export
from intaglio.manager.streams.reading import Stream, StreamNotTrusted
from intaglio.manager.streams.signing import NotSigned
from intaglio.manager.update import Updated, update
from intaglio.manager.upstream.web import FetchFailed, Web
from tests.manager.conftest import Silent, definition
from tests.manager.upstream import Upstream, sha256
from tests.starters.base import debian
from tests.starters.intaglio import COMMAND
from tests.starters.lxd import Lxc, tree

Json = dict[str, Any]
WEB = Web(lambda _: None)


@pytest.fixture(scope="module")
def qcow2(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    debian(["qemu-utils"], "disks as qcow2", provides=["qemu-img"])
    path = tmp_path_factory.mktemp("disk") / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "16M"], check=True)
    return path.read_bytes()


class Gpg:
    """A home of gpg with one key."""

    def __init__(self, home: Path, name: str) -> None:
        debian(["gnupg"], "signatures", provides=["gpg"])
        home.mkdir(mode=0o700)
        self.home = home
        self.name = name
        self("--quick-generate-key", name, "ed25519", "sign", "never")
        self.public = self("--armor", "--export", name)

    def __call__(self, *words: str, data: bytes | None = None) -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*command, *words], input=data, capture_output=True, check=True).stdout

    def stop(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "gpg-agent"], check=False)


@pytest.fixture(scope="module")
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    made = Gpg(tmp_path_factory.mktemp("g") / "g", "images@example.org")
    yield made
    made.stop()


class Publisher:
    """A catalogue, and the tree that is made of it."""

    def __init__(self, site: Upstream, home: Path) -> None:
        self.site = site
        self.home = home
        self.root = home / "tree"

    def build(self, version: str, body: bytes, name: str = "disk.qcow2", **more: Any) -> Json:
        url = self.site.put(f"/{self.home.name}/{version}/{name}", body)
        return {"version": version, "url": url, "checksum": sha256(body)} | more

    def export(self, *definitions: Json, **choices: Any) -> Outcome:
        path = self.home / "images.yml"
        path.write_text(yaml.safe_dump({"images": list(definitions)}))
        found = catalogue.checked(catalogue.read(path))
        return export(found.definitions, self.root, Choices(**choices), self.home / "cache", WEB, Silent())

    def products(self) -> Json:
        found: Json = json.loads((self.root / "streams/v1/images.json").read_text())["products"]
        return found

    def files(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def publisher(site: Upstream, tmp_path: Path) -> Publisher:
    return Publisher(site, tmp_path)


def ubuntu(publisher: Publisher, qcow2: bytes, *serials: str) -> Json:
    meta = {"os_distro": "ubuntu", "os_version": "24.04", "architecture": "x86_64", "provided_until": "2029-05-31"}
    builds = [publisher.build(serial, qcow2 + serial.encode()) for serial in serials]
    return definition("Ubuntu 24.04", builds, format="qcow2", meta=meta)


def results(done: Outcome) -> list[str]:
    return [each.result for each in done.builds]


@pytest.mark.real
def test_lxd_finds_and_fetches_what_is_exported(publisher: Publisher, qcow2: bytes, tmp_path: Path) -> None:
    """Packed, raw and qcow2; the client compares every file's digest, and the fingerprint of both together."""
    raw = b"\0" * (1 << 20) + b"a raw disk" + b"\0" * ((1 << 20) - 10)
    packed = publisher.build("0.6.3", gzip.compress(raw), "disk.raw.gz", build_date="2024-09-25")
    small = {"os_distro": "cirros", "architecture": "aarch64", "os_secure_boot": "disabled"}
    done = publisher.export(
        ubuntu(publisher, qcow2, "20260101", "20260201.1"),
        definition("Größe / X", [packed], multi=False, meta=small, format="raw", shortname="cirros"),
        definition("An ISO", [publisher.build("1", b"iso")], format="iso"),
    )
    assert results(done) == ["exported"] * 3 + ["skipped"]
    assert "no disk that they start" in done.builds[3].message
    with tree(publisher.root, tmp_path / "web") as (url, certificate):
        lxc = Lxc(tmp_path, certificate)
        lxc("remote", "add", "ours", url, "--protocol", "simplestreams", "--public")
        listed = json.loads(lxc("image", "list", "ours:", "--format", "json"))
        assert {each["fingerprint"] for each in listed} == {each.fingerprint for each in done.builds[:3]}
        seen = {each["properties"]["serial"]: each for each in listed}
        assert set(seen) == {"20260101", "20260201.1", "20240925_0.6.3"}
        assert {each["type"] for each in listed} == {"virtual-machine"}
        assert seen["20240925_0.6.3"]["architecture"] == "aarch64"
        assert seen["20240925_0.6.3"]["properties"]["requirements.secureboot"] == "false"
        assert seen["20260101"]["expires_at"].startswith("2029-05-31")
        newest = yaml.safe_load(lxc("image", "info", "ours:ubuntu/24.04", "--vm"))
        assert newest["Fingerprint"] == done.builds[1].fingerprint
        for serial in ("20260101", "20240925_0.6.3"):
            lxc("image", "export", f"ours:{seen[serial]['fingerprint']}", str(tmp_path / serial), "--vm")
        damaged = publisher.root / next(path for path in publisher.files() if path.endswith("20260201.1.qcow2"))
        damaged.write_bytes(b"other bytes" + damaged.read_bytes()[11:])
        lxc("image", "export", f"ours:{done.builds[1].fingerprint}", str(tmp_path / "damaged"), "--vm", code=1)
    disk, back = tmp_path / "20240925_0.6.3.root", tmp_path / "back.raw"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(disk), str(back)], check=True)
    assert back.read_bytes() == raw
    assert (tmp_path / "20260101.root").read_bytes() == qcow2 + b"20260101"


def test_the_fingerprint_is_that_of_metadata_and_disk(publisher: Publisher, qcow2: bytes) -> None:
    done = publisher.export(ubuntu(publisher, qcow2, "20260101"))
    [product] = publisher.products().values()
    items = product["versions"]["20260101"]["items"]
    assert set(items) == {"incus.tar.xz", "lxd.tar.xz", "disk1.img"}
    meta, disk = ((publisher.root / items[kind]["path"]).read_bytes() for kind in ("incus.tar.xz", "disk1.img"))
    both = hashlib.sha256(meta + disk).hexdigest()
    assert items["incus.tar.xz"]["combined_disk1-img_sha256"] == both == done.builds[0].fingerprint
    assert {name: item["sha256"] for name, item in items.items()} == {
        "incus.tar.xz": hashlib.sha256(meta).hexdigest(),
        "lxd.tar.xz": hashlib.sha256(meta).hexdigest(),
        "disk1.img": hashlib.sha256(disk).hexdigest(),
    }
    with tarfile.open(fileobj=io.BytesIO(meta)) as archive:
        file = archive.extractfile("metadata.yaml")
        assert file is not None
        said = yaml.safe_load(file.read())
    assert (said["architecture"], said["creation_date"]) == ("x86_64", 1767225600)
    assert said["properties"]["os"] == "ubuntu"
    assert (product["aliases"], product["arch"]) == ("ubuntu/24.04,ubuntu-24.04", "amd64")


def test_disks_as_maas_takes_them(publisher: Publisher, qcow2: bytes) -> None:
    """Raw and packed, of a qcow2 and of a raw disk; asked for later, they are added."""
    raw = b"a raw disk" * 4096
    both = [
        ubuntu(publisher, qcow2, "20260101"),
        definition("Raw", [publisher.build("20260102", raw)], meta={"os_distro": "custom", "os_version": "1"}),
    ]
    publisher.export(*both)
    done = publisher.export(*both, maas=True, key=None)
    assert (results(done), done.published) == (["exported"] * 2, True)
    assert results(publisher.export(*both, maas=True)) == ["there"] * 2
    found = {name.partition(":")[0]: each for name, each in publisher.products().items()}
    for name, disk in (("custom", raw), ("ubuntu", b"\0" * (16 << 20))):
        fields = ("os", "arch", "subarches", "kflavor", "label")
        assert [found[name][each] for each in fields] == [name, "amd64", "generic", "generic", "release"]
        [build] = found[name]["versions"].values()
        item = build["items"]["root-dd.gz"]
        packed = (publisher.root / item["path"]).read_bytes()
        assert (item["ftype"], item["sha256"]) == ("root-dd.gz", hashlib.sha256(packed).hexdigest())
        assert gzip.decompress(packed) == disk
    assert not [path for path in publisher.files() if path.endswith((".part", ".raw"))]


def test_what_is_there_stays_and_what_goes_stays_once(publisher: Publisher, qcow2: bytes) -> None:
    one = ubuntu(publisher, qcow2, "20260101", "20260201")
    other = definition("Other", [publisher.build("20250101", qcow2)], format="qcow2")
    publisher.export(one, other)
    asked = len(publisher.site.requests)
    again = publisher.export(one, other)
    assert (results(again), again.published, again.removed) == (["there"] * 3, False, ())
    assert len(publisher.site.requests) == asked
    part = publisher.export(one, other, filter="Ubuntu")
    assert (len(part.builds), part.published) == (2, False), "the others stay listed"
    foreign = publisher.root / "images" / "an-operators.iso"
    foreign.write_text("")
    rotated = publisher.export(ubuntu(publisher, qcow2, "20260201", "20260301"))
    assert (results(rotated), rotated.removed) == (["there", "exported"], ())
    assert any("20260101" in path for path in publisher.files()), "who has read the old list still fetches it"
    assert any("20260101" in path for path in publisher.export(ubuntu(publisher, qcow2, "20260301")).removed)
    assert not any("20260101" in path for path in publisher.files())
    publisher.export(ubuntu(publisher, qcow2, "20260301"))
    [product] = publisher.products().values()
    named = {item["path"] for build in product["versions"].values() for item in build["items"].values()}
    there = {path for path in publisher.files() if path.startswith("images/")}
    assert there == named | {"images/an-operators.iso"}


def test_a_failure_takes_nothing_away(publisher: Publisher, qcow2: bytes) -> None:
    publisher.export(ubuntu(publisher, qcow2, "20260101"))
    before = publisher.products()
    good, bad = publisher.build("20260201", qcow2), publisher.build("20260301", b"<html>no</html>")
    liar = publisher.build("20260401", b"a raw disk")
    wanted = ubuntu(publisher, qcow2) | {"versions": [good, bad, liar]}
    done = publisher.export(wanted)
    assert results(done) == ["exported", "failed", "failed"]
    assert "web page" in done.builds[1].message
    assert "the file is none" in done.builds[2].message
    assert done.failed
    [(name, product)] = publisher.products().items()
    assert set(product["versions"]) == {"20260101", "20260201"}
    assert product["versions"]["20260101"] == before[name]["versions"]["20260101"]
    assert not [path for path in publisher.files() if path.endswith(".part")]


def test_signed_by_gpg_and_believed_by_our_reader(
    publisher: Publisher, qcow2: bytes, gpg: Gpg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(gpg.home))
    monkeypatch.setenv("SSL_CERT_FILE", "")
    publisher.export(ubuntu(publisher, qcow2, "20260101", "20260201"), key=gpg.name)
    (tmp_path / "keys.asc").write_bytes(gpg.public)
    for name in ("index", "images"):
        document = publisher.root / f"streams/v1/{name}.json"
        gpg("--verify", str(document.with_suffix(".json.gpg")), str(document))
    stream = Stream(product="ubuntu:24.04:amd64:*", keys=tmp_path / "keys.asc")
    with tree(publisher.root, tmp_path / "web") as (url, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        hint = f"{url}/streams/v1/index.sjson"
        found = reading.newest(WEB, Wanted(hint=hint), stream)
        assert (found.version, str(found.day)) == ("20260201", "2026-02-01")
        assert found.digest.hex == hashlib.sha256(qcow2 + b"20260201").hexdigest()
        with pytest.raises(StreamNotTrusted, match="is not signed, and has to be"):
            reading.newest(WEB, Wanted(hint=f"{url}/streams/v1/index.json"), stream)
        images = publisher.root / "streams/v1/images.sjson"
        images.write_bytes(images.read_bytes().replace(b"20260201", b"20260202"))
        with pytest.raises(StreamNotTrusted, match=r"images\.sjson: The data are not what was signed"):
            reading.newest(WEB, Wanted(hint=hint), stream)
    publisher.export(ubuntu(publisher, qcow2, "20260101"))
    assert not [path for path in publisher.files() if path.endswith((".sjson", ".gpg"))], "they would say what was"
    before = publisher.files()
    with pytest.raises(NotSigned, match="does not sign with 'nobody'"):
        publisher.export(ubuntu(publisher, qcow2, "20260101", "20260301"), key="nobody")
    assert {path for path in publisher.files() - before if path.startswith("streams/")} == set()


def stream_of(site: Upstream, root: str, products: Json, gpg: Gpg | None = None, **more: Any) -> str:
    """A tree as Ubuntu's is made: an index of several lists; the address of the index."""
    ending = "sjson" if gpg else "json"

    def put(path: str, document: Json) -> str:
        text = json.dumps(document).encode()
        return site.put(path, gpg("--clearsign", data=text) if gpg else text)

    listing = {"format": "products:1.0", "datatype": "image-downloads", "products": products} | more
    put(f"{root}/streams/v1/released.{ending}", listing)
    entry = {"datatype": "image-downloads", "format": "products:1.0", "products": list(products)}
    aws = entry | {"datatype": "image-ids", "path": "streams/v1/aws.json"}
    index = {"aws": aws, "released": entry | {"path": f"streams/v1/released.{ending}"}}
    return put(f"{root}/streams/v1/index.{ending}", {"format": "index:1.0", "index": index})


def product(site: Upstream, root: str, *serials: str, arch: str = "amd64", **more: Any) -> Json:
    versions = {}
    for serial in serials:
        body = f"{arch} {serial}".encode()
        path = f"server/{serial}/disk-{arch}.img"
        site.put(f"{root}/{path}", body)
        digest = hashlib.sha256(body).hexdigest()
        disk = {"ftype": "disk1.img", "path": path, "size": len(body), "sha256": digest, "md5": "0"}
        tarball = {"ftype": "root.tar.xz", "path": f"server/{serial}/root.tar.xz", "sha256": digest}
        versions[serial] = {"items": {"disk1.img": disk, "root.tar.xz": tarball}, "label": "release"}
    return {"arch": arch, "os": "ubuntu", "release": "noble", "aliases": "24.04,noble", "versions": versions} | more


NAME = "com.ubuntu.cloud:server:24.04:amd64"


@pytest.fixture
def root(site: Upstream, tmp_path: Path) -> str:
    return f"/{tmp_path.name}"


def updated(tmp_path: Path, *definitions: Json) -> list[Updated]:
    path = tmp_path / "images.yml"
    path.write_text(yaml.safe_dump({"images": list(definitions)}, sort_keys=False))
    return list(update(path, WEB, only=re.compile(""), builds=None, dry=False))


def test_update_follows_a_signed_stream(site: Upstream, root: str, tmp_path: Path, gpg: Gpg) -> None:
    amd, arm = product(site, root, "20260101", "20260110.1", "20260110"), product(site, root, "20260101", arch="arm64")
    hint = stream_of(site, root, {NAME: amd, NAME.replace("amd64", "arm64"): arm}, gpg)
    (tmp_path / "ubuntu.asc").write_bytes(gpg.public)
    stream = {"product": "com.ubuntu.cloud:server:24.04:*", "label": "release", "keys": "ubuntu.asc"}
    meta = {"os_distro": "ubuntu", "os_version": "24.04", "architecture": "aarch64"}
    both = [
        definition("Ubuntu 24.04", [], latest_url=hint, stream=stream),
        definition("Ubuntu 24.04 ARM", [], latest_url=hint, stream=stream, meta=meta),
    ]
    found = updated(tmp_path, *both)
    assert [(each.result, each.version) for each in found] == [("new", "20260110.1"), ("new", "20260101")]
    assert found[0].url == f"{site.url}{root}/server/20260110.1/disk-amd64.img"
    assert found[0].digest == sha256(b"amd64 20260110.1")
    written = catalogue.checked(catalogue.read(tmp_path / "images.yml")).definitions[0].versions[0]
    assert (written.version, written.build_date) == ("20260110.1", "2026-01-10")
    again = list(update(tmp_path / "images.yml", WEB, only=re.compile(""), builds=None, dry=False))
    assert [each.result for each in again] == ["current", "current"]


def test_a_build_that_is_not_whole_is_passed_over(site: Upstream, root: str) -> None:
    made = product(site, root, *(f"2026010{day}" for day in range(1, 6)))
    del made["versions"]["20260105"]["items"]["disk1.img"]
    del made["versions"]["20260104"]["items"]["disk1.img"]["sha256"]
    del site.things[f"{root}/server/20260103/disk-amd64.img"]
    made["versions"]["20260102"]["label"] = "daily"
    hint = stream_of(site, root, {NAME: made})
    found = reading.newest(WEB, Wanted(hint=hint), Stream(product=NAME, label="release"))
    assert found.version == "20260101"
    listing = hint.replace("index.json", "released.json")
    assert reading.newest(WEB, Wanted(hint=listing), Stream(product=NAME)).version == "20260102"
    only = Stream(product=NAME, ftype="root.tar.xz")
    with pytest.raises(FetchFailed, match="no complete build"):
        reading.newest(WEB, Wanted(hint=hint), only)


def test_streams_that_are_not_trusted(site: Upstream, root: str, tmp_path: Path, gpg: Gpg) -> None:
    hint = stream_of(site, root, {NAME: product(site, root, "20260101")}, gpg)
    stranger = Gpg(tmp_path / "s", "stranger@example.org")
    (tmp_path / "keys.asc").write_bytes(gpg.public)
    (tmp_path / "stranger.asc").write_bytes(stranger.public)
    stranger.stop()

    def of(**more: Any) -> str:
        with pytest.raises(StreamNotTrusted) as raised:
            reading.newest(WEB, Wanted(hint=hint), Stream(product=NAME, **more))
        return str(raised.value)

    assert "name the file of public keys" in of()
    assert "none of those that count here" in of(keys=tmp_path / "stranger.asc")
    assert "cannot be read" in of(keys=tmp_path / "none.asc")
    assert "has to be by" in of(keys=tmp_path / "keys.asc", fingerprint="0" * 40)
    document = site.things[f"{root}/streams/v1/index.sjson"]
    document.body = document.body.replace(b"released.sjson", b"released.json")
    assert "not what was signed" in of(keys=tmp_path / "keys.asc")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"path": "../../etc/passwd"}, "no path in its tree"),
        ({"path": "https://elsewhere.example/x"}, "no path in its tree"),
        ({"path": "/etc/passwd"}, "no path in its tree"),
        ({"path": ""}, "no path in its tree"),
    ],
    ids=["upwards", "elsewhere", "absolute", "empty"],
)
def test_paths_stay_in_the_tree(site: Upstream, root: str, broken: Json, said: str) -> None:
    made = product(site, root, "20260101")
    made["versions"]["20260101"]["items"]["disk1.img"] |= broken
    with pytest.raises(FetchFailed, match=said):
        reading.newest(WEB, Wanted(hint=stream_of(site, root, {NAME: made})), Stream(product=NAME))


def test_what_is_no_stream(site: Upstream, root: str, tmp_path: Path) -> None:
    hint = stream_of(site, root, {NAME: product(site, root, "20260101"), f"{NAME}:two": product(site, root, "1")})
    index = site.things[f"{root}/streams/v1/index.json"]
    good = index.body
    for body, stream, said in (
        (good, Stream(product=f"{NAME}*"), "several products"),
        (good, Stream(product="com.example:none"), "no product"),
        (b"[", Stream(product=NAME), "is no index:1.0"),
        (b'{"format": "index:2.0"}', Stream(product=NAME), "should be index:1.0"),
        (b'{"format": "index:1.0", "index": {"a": []}}', Stream(product=NAME), "is no index:1.0"),
        (b"<html>", Stream(product=NAME), "is no index:1.0"),
    ):
        index.body = body
        with pytest.raises(FetchFailed, match=re.escape(said)):
            reading.newest(WEB, Wanted(hint=hint), stream)
    index.body = good
    [found] = updated(tmp_path, definition("X", [], latest_url=hint))
    assert (found.result, found.message) == ("failed", "a latest_url of simplestreams needs 'stream' with a 'product'")
    (tmp_path / "wrong.yml").write_text(
        "images:\n- {name: X, format: raw, login: x, versions: [], stream: {produkt: a}}\n"
    )
    wrong = catalogue.read(tmp_path / "wrong.yml").errors
    assert [str(each).partition(": ")[2] for each in wrong] == [
        "error: 'stream' has no key 'produkt'; did you mean 'product'?",
        "error: 'stream' needs 'product': the product's name; `*` and `?` stand for other characters",
    ]


def test_from_the_command_line(publisher: Publisher, qcow2: bytes) -> None:
    path = publisher.home / "images.yml"
    path.write_text(yaml.safe_dump({"images": [ubuntu(publisher, qcow2, "20260101")]}))
    environment = {"PATH": os.environ["PATH"], "HOME": str(publisher.home)}

    def command(*more: str) -> subprocess.CompletedProcess[str]:
        words: list[str | Path] = [
            COMMAND,
            "catalog",
            "export",
            "images.yml",
            "--simplestreams",
            "tree",
            "--cache",
            "cache",
            *more,
        ]
        return subprocess.run(words, env=environment, cwd=publisher.home, capture_output=True, text=True, check=False)

    done = command()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"exported Ubuntu 24.04 20260101 ubuntu:24.04:amd64:ubuntu-24.04 [0-9a-f]{12}\npublished\n", done.stdout
    )
    again = command("--format", "json")
    assert json.loads(again.stdout)["published"] is False
    assert command("--sign", "nobody@example.org").returncode == 1
    path.write_text(path.read_text().replace("qcow2", "qcow3"))
    assert command().returncode == 3
