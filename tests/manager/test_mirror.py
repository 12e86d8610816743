"""The mirror on a real S3 server and in a directory: whole and verified or not there, continued, replaced, pruned."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from intaglio.manager import catalogue
from intaglio.manager.locking import AnotherRun, alone
from intaglio.manager.mirror.bucket import PART, Bucket, connect
from intaglio.manager.mirror.copying import Ways
from intaglio.manager.mirror.directory import Directory
from intaglio.manager.mirror.layout import open_place
from intaglio.manager.mirror.place import Facts, MirrorFailed, MirrorInvalid, Place
from intaglio.manager.mirror.pruning import TooMuchToPrune
from intaglio.manager.mirror.run import Choices, Mirrored, mirror
from intaglio.manager.mirror.run import Desk as Table
from intaglio.manager.upstream.web import Web
from tests.manager.conftest import TODAY, Desk, Silent, changes, definition
from tests.manager.test_streams import Gpg
from tests.manager.upstream import Thing, Upstream, sha256
from tests.starters.intaglio import COMMAND
from tests.starters.s3 import READER, READER_SECRET, S3, s3

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
BUCKET = "images"
FACTS = Facts(sha256="", published="sha256:" + "0" * 64, verified=True, definition="Größe 1", version="1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3(tmp_path_factory.mktemp("mirror")) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", running.access)
        patch.setenv("AWS_SECRET_ACCESS_KEY", running.secret)
        client = connect(running.url, None)
        client.create_bucket(Bucket=BUCKET)
        everybody = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"]}
        statement = everybody | {"Resource": [f"arn:aws:s3:::{BUCKET}/*"]}
        client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        yield running


@pytest.fixture(params=["bucket", "directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "directory":
        return open_place(str(tmp_path / "mirror"))
    running: S3 = request.getfixturevalue("server")
    return open_place(f"s3://{BUCKET}/{tmp_path.name}", running.url)


class Curator:
    """A catalogue of one file below an upstream, and its mirror."""

    def __init__(self, site: Upstream, home: Path) -> None:
        self.site = site
        self.home = home
        self.progress = Silent()
        self.today = TODAY

    def build(self, version: str, body: bytes | None = None, name: str = "disk.img", **more: Any) -> dict[str, Any]:
        data = body or f"{self.home.name} {version} ".encode() * 64
        url = self.site.put(f"/{self.home.name}/{version}/{name}", data)
        return {"version": version, "url": url, "checksum": sha256(data)} | more

    def write(self, *definitions: dict[str, Any]) -> Path:
        path = self.home / "images.yml"
        path.write_text(yaml.safe_dump({"images": list(definitions)}, sort_keys=False))
        return path

    def mirror(self, place: Place, ways: Ways | None = None, **choices: Any) -> Mirrored:
        path = self.home / "images.yml"
        table = Table(self.home / "cache", Web(lambda _: None), self.progress, self.today)
        found = catalogue.checked(catalogue.read(path))
        return mirror(path, found, place, Choices(**choices), ways or Ways(), table)

    def asked(self) -> list[str]:
        """What was asked of the upstream, but for what has no answer."""
        return [path for _, path, _ in self.site.requests if path in self.site.things and self.home.name in path]


@pytest.fixture
def curator(site: Upstream, tmp_path: Path) -> Curator:
    return Curator(site, tmp_path)


def results(done: Mirrored) -> list[str]:
    return [each.result for each in done.builds]


def text(place: Place, key: str) -> str:
    found = place.text(key)
    assert found is not None
    return found


def test_what_is_there_is_not_fetched_again(curator: Curator, place: Place) -> None:
    packed = gzip.compress(b"a disk" * 4096)
    builds = [curator.build("1"), curator.build("2", packed, "disk.img.gz")]
    curator.write(definition("Debian 13", builds), definition("Größe", [curator.build("3")], shortname="size"))
    done = curator.mirror(place)
    keys = ["debian-13/1/disk.img", "debian-13/2/disk.img.gz", "size/3/disk.img"]
    assert [(each.key, each.result) for each in done.builds] == [(key, "copied") for key in keys]
    assert b"".join(place.pieces(keys[1])) == packed, "as the upstream has it"
    assert text(place, keys[1] + ".sha256") == f"{hashlib.sha256(packed).hexdigest()}  disk.img.gz\n"
    held = place.look(keys[2])
    assert held is not None
    assert held.facts is not None
    assert (held.facts.definition, held.facts.verified) == ("Größe", True)
    assert [path for path in (curator.home / "cache" / "blobs").iterdir() if path.is_file()] == []
    before = curator.asked()
    again = curator.mirror(place)
    assert results(again) == ["there"] * 3
    assert curator.asked() == before, "with checksums in the file nothing is asked at all"
    assert results(curator.mirror(place, Ways(again=True))) == ["there"] * 3


def test_a_dry_run_does_nothing(curator: Curator, place: Place) -> None:
    curator.write(definition("X", [curator.build("1")]))
    done = curator.mirror(place, Ways(dry=True), prune=True, base="http://mirror.example")
    assert (results(done), done.pending, done.failed) == (["missing"], True, False)
    assert list(place.keys()) == []
    assert "mirror_url" not in (curator.home / "images.yml").read_text()


def test_what_is_broken_there_is_replaced(curator: Curator, place: Place) -> None:
    builds = [curator.build("1"), curator.build("2"), curator.build("3")]
    curator.write(definition("X", builds))
    curator.mirror(place)
    other = curator.home / "other"
    other.write_bytes(b"another build")
    facts = Facts(
        sha256=sha256(b"another build").removeprefix("sha256:"),
        published=sha256(b"another build"),
        verified=True,
        definition="X",
        version="1",
    )
    place.put("x/1/disk.img", other, facts, lambda *_: None)  # a build that was published before
    place.delete("x/2/disk.img")
    place.put_text("x/2/disk.img", "somebody else's")
    damage(place, "x/3/disk.img")
    assert results(curator.mirror(place)) == ["replaced", "replaced", "there"], "what was changed below is not seen"
    done = curator.mirror(place, Ways(again=True))
    assert results(done) == ["there", "there", "replaced"]
    assert "not those that were put there" in done.builds[2].message
    for build in builds:
        assert sha256(b"".join(place.pieces(f"x/{build['version']}/disk.img"))) == build["checksum"]


def damage(place: Place, key: str) -> None:
    """Other bytes of the same length with the same facts, as a disk would change them."""
    if isinstance(place, Directory):
        path = Path(place.address) / key
        path.write_bytes(b"x" + path.read_bytes()[1:])
    elif isinstance(place, Bucket):
        at = place._at(key)
        was = place._client.get_object(**at)
        place._client.put_object(**at, Body=b"x" + was["Body"].read()[1:], Metadata=was["Metadata"])


def test_upstreams_that_are_broken(curator: Curator, place: Place) -> None:
    """Each fails alone with a reason, and leaves nothing under its name; the rest is copied."""
    site, root = curator.site, f"/{curator.home.name}"
    half = curator.build("half")
    site.things[f"{root}/half/disk.img"].body = b"not all of it"
    gone = curator.build("gone")
    site.things[f"{root}/gone/disk.img"] = Thing(status=404)
    page = site.put(f"{root}/page/disk.img", b"<html>not found</html>")
    no_sums = site.put(f"{root}/unsummed/disk.img", b"who knows")
    moved = curator.build("moved")
    site.put(f"{root}/old/disk.img", b"", status=301, location=moved["url"])
    busy, cut = curator.build("busy", b"b" * 3_000_000), curator.build("cut", b"c" * 3_000_000)
    site.things[f"{root}/busy/disk.img"].busy = 2  # 429 with Retry-After
    site.things[f"{root}/cut/disk.img"].cuts = 2
    versions = [
        half,
        gone,
        {"version": "page", "url": page, "checksum": sha256(b"<html>not found</html>")},
        {"version": "unsummed", "url": no_sums},
        moved | {"url": f"{site.url}{root}/old/disk.img"},
        busy,
        cut,
    ]
    curator.write(definition("X", versions))
    done = curator.mirror(place, prune=True)
    assert results(done) == ["failed"] * 4 + ["copied"] * 3
    reasons = [each.message for each in done.builds[:4]]
    for reason, part in zip(reasons, ("was published", "answers 404", "web page", "Add 'checksum'"), strict=True):
        assert part in reason
    assert done.notes == ("nothing is removed in a run with a failure",)
    assert {key.split("/")[1] for key in place.keys()} == {"moved", "busy", "cut"}  # noqa: SIM118 - not a mapping
    assert results(curator.mirror(place, Ways(unverified=True)))[3] == "copied"
    site.things[f"{root}/half/disk.img"].body = f"{curator.home.name} half ".encode() * 64
    assert results(curator.mirror(place, Ways(unverified=True)))[0] == "copied"


def test_digests_that_only_the_upstream_has(curator: Curator, place: Place) -> None:
    """A moving name whose list of sums says when it is another build."""
    root = f"/{curator.home.name}/moving"
    url = curator.site.put(f"{root}/disk.img", b"first")
    curator.site.sums(f"{root}/SHA256SUMS", f"{root}/disk.img")
    curator.write(definition("X", [{"version": "1", "url": url}]))
    assert results(curator.mirror(place)) == ["copied"]
    assert results(curator.mirror(place)) == ["there"]
    assert curator.site.asked(f"{root}/disk.img") == [""]
    curator.site.put(f"{root}/disk.img", b"second")
    curator.site.sums(f"{root}/SHA256SUMS", f"{root}/disk.img")
    assert results(curator.mirror(place)) == ["replaced"]
    assert b"".join(place.pieces("x/1/disk.img")) == b"second"


def test_two_definitions_and_one_key(curator: Curator, place: Place) -> None:
    """The same file is copied once; other files do not take turns under one key."""
    build = curator.build("1")
    other = curator.site.put(f"/{curator.home.name}/elsewhere/disk.img", b"other")
    rival = {"version": "1", "url": other, "checksum": sha256(b"other")}
    curator.write(*(definition(name, [each], shortname="x") for name, each in zip("ABC", (build, build, rival))))  # noqa: B905 - three
    done = curator.mirror(place)
    assert results(done) == ["copied", "copied", "failed"]
    assert "give one of them a shortname" in done.builds[2].message
    assert len(curator.site.asked(f"/{curator.home.name}/1/disk.img")) == 1


def test_pruning_waits_and_is_limited(curator: Curator, place: Place) -> None:
    builds = {name: curator.build(name) for name in "1234"}
    switched_off = definition("Off", [curator.build("9")], enable=False)
    curator.write(definition("X", list(builds.values())), switched_off)
    curator.mirror(place, force=True)
    foreign = "x/notes/read-me.txt"
    place.put_text(foreign, "an operator's")
    curator.write(definition("X", [builds["4"]]), switched_off)
    first = curator.mirror(place, filter="nothing is called so", prune=True)
    assert {(each.key, each.result) for each in first.pruned} == {(f"x/{n}/disk.img", "waiting") for n in "123"}
    curator.today = date.fromordinal(TODAY.toordinal() + 14)
    with pytest.raises(TooMuchToPrune, match="3 files would be removed"):
        curator.mirror(place, prune=True, prune_limit=2)
    assert len(list(place.keys())) == 12
    would = curator.mirror(place, Ways(dry=True), prune=True)
    assert ([each.result for each in would.pruned], would.pending) == (["superfluous"] * 3, True)
    curator.write(definition("X", [builds["4"], builds["3"]]), switched_off)  # one is named again
    done = curator.mirror(place, prune=True)
    assert {(each.key, each.result) for each in done.pruned} == {(f"x/{n}/disk.img", "removed") for n in "12"}
    left = {"x/3/disk.img", "x/4/disk.img", "off/9/disk.img"}
    assert set(place.keys()) == left | {f"{key}.sha256" for key in left} | {foreign, "intaglio-mirror.json"}
    place.put_text("intaglio-mirror.json", "not JSON")
    assert curator.mirror(place, prune=True).pruned == ()


def test_addresses_are_written_for_what_is_there_only(curator: Curator, place: Place) -> None:
    good, bad = curator.build("1"), curator.build("2") | {"checksum": f"sha256:{'1' * 64}"}
    path = curator.home / "images.yml"
    path.write_text(
        "# ours\nimages:\n  - name: X\n    format: raw\n    login: x\n    versions:\n"
        f"      - version: '1'  # the first\n        checksum: {good['checksum']}\n"
        f"        url: {good['url']}  # here\n\n"
        f"      - version: '2'\n        url: {bad['url']}\n        checksum: {bad['checksum']}\n"
    )
    done = curator.mirror(place, base="https://mirror.example/os/")
    assert results(done) == ["copied", "failed"]
    assert done.written == (str(path),)
    assert path.read_text() == (
        "# ours\nimages:\n  - name: X\n    format: raw\n    login: x\n    versions:\n"
        f"      - version: '1'  # the first\n        checksum: {good['checksum']}\n"
        f"        mirror_url: https://mirror.example/os/x/1/disk.img\n        url: {good['url']}  # here\n\n"
        f"      - version: '2'\n        url: {bad['url']}\n        checksum: {bad['checksum']}\n"
    )
    assert curator.mirror(place, base="https://mirror.example/os").written == ()


def test_a_key_is_what_the_file_says(curator: Curator, place: Place) -> None:
    """Definitions of the original have their own layout: a disk whose archive is unpacked in the mirror."""
    disk = b"a disk" * 1000
    packed = curator.build("1", gzip.compress(disk), "disk.img.gz")
    said = {"mirror_url": "https://mirror.example/os/flat/1/disk.img"}
    curator.write(definition("X", [packed | said | {"checksum": sha256(disk)}, packed | said | {"version": "2"}]))
    done = curator.mirror(place, base="https://mirror.example/os")
    assert (done.builds[0].result, done.builds[0].key) == ("copied", "flat/1/disk.img")
    assert b"".join(place.pieces("flat/1/disk.img")) == disk
    place.delete("flat/1/disk.img")
    curator.write(definition("X", [packed | said]))
    assert "nobody could verify" in curator.mirror(place, base="https://mirror.example/os").builds[0].message
    curator.write(definition("X", [packed | {"mirror_url": "https://mirror.example/os/../../etc/disk.img.gz"}]))
    assert curator.mirror(place, base="https://mirror.example/os").builds[0].key == "x/1/disk.img.gz"


def test_a_pointer_is_the_build_that_it_is_today(curator: Curator, place: Place) -> None:
    root = f"/{curator.home.name}/pointer"
    url = curator.site.put(f"{root}/disk.img", b"today's")
    sums_url = curator.site.sums(f"{root}/SUMS", f"{root}/disk.img")
    pointing = definition("X", [{"version": "latest", "url": url, "checksums_url": sums_url}])
    lost = definition("Y", [{"version": "latest", "url": url, "checksums_url": f"{sums_url}.not"}])
    path = curator.write(pointing, lost)
    done = curator.mirror(place, base="https://mirror.example")
    assert [(each.key, each.result) for each in done.builds] == [("x/20260121/disk.img", "copied"), ("", "failed")]
    assert "mirror_url" not in path.read_text()
    assert curator.mirror(place, filter="X", prune=True).notes == (f"nothing is removed: {done.builds[1].message}",)


def test_one_mirror_at_a_time(curator: Curator, place: Place) -> None:
    curator.write(definition("X", [curator.build("1")]))
    with alone(curator.home / "cache" / "locks", place.address, "mirror"), pytest.raises(AnotherRun):
        curator.mirror(place)


def test_places_that_are_none(server: S3, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for wrong, said in (
        ("s3://", "names no bucket"),
        ("https://images.example", "neither"),
        (str(tmp_path / "file"), "cannot be a mirror"),
        ("s3://none-such/x", "make it first"),
    ):
        with pytest.raises(MirrorInvalid, match=said):
            open_place(wrong, server.url)
    with pytest.raises(MirrorInvalid, match="cannot be used"):
        open_place("s3://images/x", "http://127.0.0.1:9")


def test_who_may_not_write(curator: Curator, server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also: the variables of the original's program count, where AWS's are not set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("MINIO_ACCESS_KEY", READER)
    monkeypatch.setenv("MINIO_SECRET_KEY", READER_SECRET)
    curator.write(definition("X", [curator.build("1")]))
    [failed] = curator.mirror(open_place(f"s3://{BUCKET}/{tmp_path.name}", server.url)).builds
    assert failed.result == "failed"
    assert "AccessDenied" in failed.message
    assert READER_SECRET not in failed.message


def large(curator: Curator, parts: int) -> tuple[Path, Facts]:
    path = curator.home / "large.img"
    path.write_bytes(os.urandom(PART) * parts + b"the rest")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, Facts(sha256=digest, published=f"sha256:{digest}", verified=True, definition="X", version="1")


def test_parts_that_were_sent_are_not_sent_again(curator: Curator, server: S3, tmp_path: Path) -> None:
    """Somebody stops after two parts; another goes on there. A file that changes on the way never appears."""
    place = open_place(f"s3://{BUCKET}/{tmp_path.name}", server.url)
    assert isinstance(place, Bucket)
    sent: list[int] = []
    place._client.meta.events.register(
        "before-call.s3.UploadPart", lambda params, **_: sent.append(int(params["query_string"]["partNumber"]))
    )
    path, facts = large(curator, 3)

    class Stopped(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        if done >= 2 * PART:
            raise Stopped

    with pytest.raises(Stopped):
        place.put("x/large.img", path, facts, stop)
    assert place.look("x/large.img") is None
    place.put("x/large.img", path, facts, lambda *_: None)
    assert sent == [1, 2, 3, 4]
    held = place.look("x/large.img")
    assert held is not None
    assert (held.facts, held.size) == (facts, path.stat().st_size)
    with pytest.raises(Stopped):
        place.put("x/other.img", path, facts, stop)
    path.write_bytes(b"!" + path.read_bytes()[1:])  # another file: what was sent of the first is given up
    with pytest.raises(MirrorFailed, match="changed"):
        place.put("x/other.img", path, facts, lambda *_: None)
    assert place.look("x/other.img") is None
    assert place._unfinished("x/other.img") == []


def words(curator: Curator, server: S3, *more: str) -> tuple[list[str | Path], dict[str, str]]:
    arguments = ["catalog", "mirror", "images.yml", "--to", f"s3://{BUCKET}/{curator.home.name}", *more]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(curator.home),
        "AWS_ACCESS_KEY_ID": server.access,
        "AWS_SECRET_ACCESS_KEY": server.secret,
    }
    return [*arguments, "--endpoint", server.url, "--cache", "cache"], environment


def command(curator: Curator, server: S3, *more: str) -> subprocess.CompletedProcess[str]:
    arguments, environment = words(curator, server, *more)
    full = [COMMAND, *arguments]
    return subprocess.run(full, env=environment, cwd=curator.home, capture_output=True, text=True, check=False)


def test_from_the_command_line(curator: Curator, server: S3) -> None:
    path = curator.write(definition("X", [curator.build("1")]))
    assert command(curator, server, "--dry-run").returncode == 2
    done = command(curator, server)
    assert (done.returncode, done.stdout) == (0, "copied   X 1 x/1/disk.img\n1 copied\n")
    assert "X 1: fetch: " in done.stderr
    shown = json.loads(command(curator, server, "--format", "json").stdout)
    assert [each["result"] for each in shown["builds"]] == ["there"]
    path.write_text(path.read_text().replace("sha256:", "sha256:0"))
    assert command(curator, server).returncode == 3
    curator.write(definition("X", [curator.build("2") | {"checksum": f"sha256:{'1' * 64}"}]))
    assert command(curator, server).returncode == 1


KILLED = (
    "import os, signal, sys\n"
    "import botocore.client as library\n"
    "real, left = library.BaseClient._make_api_call, int(os.environ['CALLS'])\n"
    "def call(self, name, arguments):\n"
    "    global left\n"
    "    answer = real(self, name, arguments)\n"
    "    left -= name not in {'HeadBucket', 'HeadObject'}\n"
    "    if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
    "    return answer\n"
    "library.BaseClient._make_api_call = call\n"
    "from intaglio.cli.main import run\n"
    "sys.exit(run(sys.argv[1:]))\n"
)


def test_killed_after_any_call_and_run_again(curator: Curator, server: S3) -> None:
    """SIGKILL after the first, second, third … call that writes: what is visible is whole, and the next run ends it."""
    body = os.urandom(PART) + b"the rest"
    curator.write(definition("X", [curator.build("1", body)]))
    place = open_place(f"s3://{BUCKET}/{curator.home.name}", server.url)
    killed = 0
    for calls in range(1, 12):
        place.delete("x/1/disk.img")
        arguments, environment = words(curator, server)
        done = subprocess.run(
            [COMMAND.with_name("python"), "-c", KILLED, *arguments],
            env=environment | {"CALLS": str(calls)},
            cwd=curator.home,
            capture_output=True,
            check=False,
        )
        killed += done.returncode == -signal.SIGKILL
        held = place.look("x/1/disk.img")
        assert held is None or sha256(b"".join(place.pieces(held.key))) == sha256(body)
        assert results(curator.mirror(place)) in (["copied"], ["there"])
        assert isinstance(place, Bucket)
        assert place._unfinished("x/1/disk.img") == []
        if done.returncode == 0:
            break
    assert killed >= 5
    assert done.returncode == 0
    path = f"/{curator.home.name}/1/disk.img"
    assert curator.site.sent[path] <= (killed + 1) * len(body)


def test_apply_takes_the_mirror_first_and_the_source_second(desk: Desk, server: S3) -> None:
    """From the mirror that was made; when it is stale, wrong or down, from the source."""
    curator = Curator(desk.site, desk.home)
    curator.home.joinpath("images.yml").unlink(missing_ok=True)
    place = open_place(f"s3://{BUCKET}/{desk.tag}", server.url)
    builds = [desk.build(version) for version in "1234"]
    path = curator.write(definition("X", builds, multi=False))
    assert results(curator.mirror(place, base=f"{server.url}/{BUCKET}/{desk.tag}")) == ["copied"] * 4
    damage(place, "x/2/disk.img")
    place.delete("x/3/disk.img")
    text_ = path.read_text().replace(f"{server.url}/{BUCKET}/{desk.tag}/x/4", "http://127.0.0.1:9/x/4")
    desk.files.mkdir()
    (desk.files / "all.yml").write_text(text_)
    before = {version: len(desk.site.asked(f"/{desk.tag}/{version}/disk.img")) for version in "1234"}
    desk.apply()
    after = {version: len(desk.site.asked(f"/{desk.tag}/{version}/disk.img")) for version in "1234"}
    assert {version: after[version] - before[version] for version in "1234"} == {"1": 0, "2": 1, "3": 1, "4": 1}
    for image in desk.images():
        assert image.properties["image_source"].startswith(desk.site.url), "the upstream, never the mirror"
        body = desk.site.things[f"/{desk.tag}/{image.properties['internal_version']}/disk.img"].body
        assert image.hash_value == hashlib.sha512(body).hexdigest()
    assert changes(desk.plan()) == []


def test_only_what_was_signed_is_copied(curator: Curator, place: Place, tmp_path: Path) -> None:
    """Where a definition requires a signature of the list of digests, the mirror does, too."""
    gpg = Gpg(tmp_path / "g", "builder@example.org")
    (curator.home / "keys.asc").write_bytes(gpg.public)
    builds = [curator.build("1"), curator.build("2"), curator.build("3")]
    for build in builds:
        path = build["url"].removeprefix(curator.site.url)
        lines = f"{build['checksum'].removeprefix('sha256:')} *disk.img\n".encode()
        folder = path.rpartition("/")[0]
        if build["version"] != "3":
            curator.site.put(f"{folder}/SHA256SUMS", lines)
            curator.site.put(f"{folder}/SHA256SUMS.gpg", gpg("--detach-sign", data=lines))
    gpg.stop()
    swapped = curator.site.put(builds[1]["url"].removeprefix(curator.site.url), b"other bytes")
    folder = swapped.removeprefix(curator.site.url).rpartition("/")[0]
    curator.site.put(f"{folder}/SHA256SUMS", f"{sha256(b'other bytes').removeprefix('sha256:')} *disk.img\n".encode())
    del builds[1]["checksum"]
    curator.write(definition("X", builds, signature={"keys": ["keys.asc"]}))
    done = curator.mirror(place)
    assert results(done) == ["copied", "failed", "failed"]
    assert "not what was signed" in done.builds[1].message
    assert "a signed list of digests is required" in done.builds[2].message
    assert results(curator.mirror(place))[0] == "there"


def test_only_what_is_pinned_is_copied(curator: Curator, server: S3) -> None:
    build = curator.build("1")
    path = curator.write(definition("X", [build]))
    full: list[str | Path] = [COMMAND, "catalog", "lock", "images.yml"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(curator.home)}
    subprocess.run(full, env=environment, cwd=curator.home, check=True, capture_output=True)
    assert command(curator, server, "--locked").returncode == 0
    path.write_text(path.read_text().replace(build["checksum"], f"sha256:{'1' * 64}"))
    differs = command(curator, server, "--locked")
    assert differs.returncode == 6, differs.stderr
    assert "'X' 1" in differs.stderr


def test_a_day_is_noted_once(curator: Curator, place: Place) -> None:
    curator.write(definition("X", [curator.build("1")]))
    curator.mirror(place)
    curator.write(definition("X", [curator.build("2")]))
    curator.mirror(place, prune=True)
    curator.today = TODAY + timedelta(days=5)
    [waiting] = curator.mirror(place, prune=True).pruned
    assert waiting.since == TODAY.isoformat()
    held = place.look("x/1/disk.img")
    assert held is not None
    assert abs(held.modified - datetime.now(UTC)) < timedelta(hours=1)


def test_the_mirror_command_of_the_original(curator: Curator, server: S3) -> None:
    """Its options and variables: builds with a `mirror_url` in the bucket, under the key that it says."""
    disk = b"a disk" * 1000
    key = f"openstack-images/{curator.home.name}"
    at = f"{server.url}/{BUCKET}/{key}"
    plain = curator.build("1", mirror_url=f"{at}/1-small.img")
    packed = curator.build("2", gzip.compress(disk), "disk.img.gz", mirror_url=f"{at}/2/disk.img")
    elsewhere = curator.build("3", mirror_url="https://other.example/bucket/../x")
    curator.write(
        definition("X", [plain, packed | {"checksum": sha256(disk)}, elsewhere], shortname="x", enable=False),
        definition("Y", [curator.build("4", mirror_url=f"{at}/4.img")]),  # without a shortname, it never was copied
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(curator.home)}
    environment |= {"MINIO_ACCESS_KEY": server.access, "MINIO_SECRET_KEY": server.secret}

    def command(*more: str, bucket: str = BUCKET) -> subprocess.CompletedProcess[str]:
        full: list[str | Path] = [
            COMMAND.with_name("openstack-image-manager"),
            "mirror",
            "--images",
            "images.yml",
            *more,
        ]
        full += ["--minio-server", server.url, "--minio-bucket", bucket]
        return subprocess.run(full, env=environment, cwd=curator.home, capture_output=True, text=True, check=False)

    place = open_place(f"s3://{BUCKET}", server.url)
    looked = command("--no-download")
    assert (looked.returncode, looked.stderr.count(": missing")) == (0, 2), looked.stderr
    assert command("--no-upload").stderr.count(": fetched") == 2
    assert place.look(f"{key}/1-small.img") is None
    done = command("--debug")
    assert done.returncode == 0, done.stderr
    assert f"X 1: copied at s3://{BUCKET}/{key}/1-small.img, {plain['checksum']}" in done.stderr
    assert b"".join(place.pieces(f"{key}/2/disk.img")) == disk
    assert command().stderr.count(": there, sha256:") == 2
    assert command(bucket="none").returncode == 1
