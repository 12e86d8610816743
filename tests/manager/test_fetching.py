"""Fetching from upstreams as they are: cut transfers, busy servers, wrong bytes, web pages, archives, lists of sums."""

import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from intaglio.domain import sums
from intaglio.manager.cache import Cache, DigestMismatch, NothingPublished
from intaglio.manager.definitions import Definition, Place, Version
from intaglio.manager.upstream import pointer
from intaglio.manager.upstream.web import FetchFailed, Web
from tests.manager.upstream import Upstream, sha256

BODY = bytes(range(256)) * 4096


@pytest.fixture
def web() -> Web:
    return Web(lambda _: None)


@pytest.fixture
def cache(tmp_path: Path, web: Web) -> Cache:
    return Cache(tmp_path / "cache", web)


def meter(_: int, __: int | None) -> None:
    """Nobody watches."""


def test_a_cut_transfer_goes_on_where_it_ended(site: Upstream, cache: Cache) -> None:
    url = site.put("/cut", BODY, cuts=2)
    content = cache.obtain([url], sha256(BODY), meter, unverified=False)
    assert content.path.read_bytes() == BODY
    half, quarter = len(BODY) // 2, len(BODY) // 4
    assert site.asked("/cut") == ["", f"bytes={half}-", f"bytes={half + quarter}-"]
    assert site.sent["/cut"] == len(BODY)


def test_the_next_run_fetches_only_the_rest(site: Upstream, tmp_path: Path) -> None:
    url = site.put("/interrupted", BODY, cuts=1)
    impatient = Cache(tmp_path / "cache", Web(lambda _: None, attempts=1))
    with pytest.raises(FetchFailed, match=r"broke off|bytes arrived"):
        impatient.obtain([url], sha256(BODY), meter, unverified=False)
    assert impatient.obtain([url], sha256(BODY), meter, unverified=False).verified
    assert site.sent["/interrupted"] == len(BODY)


def test_a_file_that_changed_meanwhile_is_fetched_anew(site: Upstream, tmp_path: Path) -> None:
    url = site.put("/changing", BODY, cuts=1)
    impatient = Cache(tmp_path / "cache", Web(lambda _: None, attempts=1))
    with pytest.raises(FetchFailed):
        impatient.obtain([url], sha256(BODY), meter, unverified=False)
    newer = BODY[::-1]
    site.put("/changing", newer)
    assert impatient.obtain([url], sha256(newer), meter, unverified=False).path.read_bytes() == newer


def test_it_is_fetched_once(site: Upstream, cache: Cache) -> None:
    url = site.put("/once", BODY)
    for _ in range(3):
        content = cache.obtain([url], sha256(BODY), meter, unverified=False)
    assert len(site.asked("/once")) == 1
    content.path.write_bytes(b"the disk forgot")
    assert cache.obtain([url], sha256(BODY), meter, unverified=False).path.read_bytes() == BODY


def test_the_mirror_is_asked_first_and_the_source_when_it_fails(site: Upstream, cache: Cache) -> None:
    source = site.put("/source", BODY)
    page = site.put("/mirror/page", b"<!DOCTYPE html><title>Sign in</title>", kind="text/html")
    swapped = site.put("/mirror/swapped", BODY[1:])
    for mirror in (page, swapped, f"{site.url}/mirror/missing", "http://127.0.0.1:9/x"):
        assert cache.obtain([mirror, source], sha256(BODY), meter, unverified=False).path.read_bytes() == BODY
    with pytest.raises(FetchFailed, match=r"other|published.*; .*answers 404"):
        cache.obtain([swapped, f"{site.url}/none"], f"sha256:{'1' * 64}", meter, unverified=False)


def test_a_busy_server_is_asked_again(site: Upstream, cache: Cache) -> None:
    url = site.put("/busy", BODY, busy=2)
    assert cache.obtain([url], sha256(BODY), meter, unverified=False).verified
    assert len(site.asked("/busy")) == 3


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
def test_any_algorithm(site: Upstream, cache: Cache, algorithm: str) -> None:
    url = site.put("/any", BODY)
    digest = f"{algorithm}:{hashlib.new(algorithm, BODY).hexdigest()}"
    assert cache.obtain([url], digest, meter, unverified=False).digest == digest
    site.put("/any", BODY[2:])
    wrong = f"{algorithm}:{hashlib.new(algorithm, b'x').hexdigest()}"
    with pytest.raises(DigestMismatch, match=wrong):
        cache.obtain([url], wrong, meter, unverified=False)


def zipped(body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("disk.img", body)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda body: zstandard.ZstdCompressor().compress(body),
    "zip": zipped,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_archives(site: Upstream, cache: Cache, kind: str) -> None:
    packed = PACKERS[kind](BODY)
    url = site.put(f"/disk.img.{kind}", packed)
    of_the_archive = cache.obtain([url], sha256(packed), meter, unverified=False)
    assert (of_the_archive.path.read_bytes(), of_the_archive.digest) == (BODY, sha256(packed))
    of_the_disk = cache.obtain([url], sha256(BODY), meter, unverified=False)
    assert (of_the_disk.path.read_bytes(), of_the_disk.digest) == (BODY, sha256(BODY))
    damaged = site.put(f"/damaged.{kind}", packed[:-20])
    with pytest.raises(FetchFailed, match="unpacked"):
        cache.obtain([damaged], sha256(packed[:-20]), meter, unverified=False)


SUMS: dict[str, Callable[[str], str]] = {
    "SHA512SUMS": lambda digest: f"{'0' * 128}  longer-disk.img\n{digest}  disk.img\n",
    "SHA256SUMS": lambda digest: f"{digest} *disk.img\n",
    "CHECKSUM": lambda digest: f"# disk.img: 1 bytes\nSHA256 (disk.img) = {digest}\n",
    "disk.img.sha256": lambda digest: f"{digest}\n",
    "disk.img.sha512": lambda digest: f"{digest.upper()}  ./disk.img\n",
    "disk.img.CHECKSUM": lambda digest: f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{digest}  disk.img\n",
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_beside_a_file_are_found(site: Upstream, cache: Cache, name: str) -> None:
    directory = f"/sums-{name}"
    url = site.put(f"{directory}/disk.img", BODY)
    digest = hashlib.new("sha512" if "512" in name else "sha256", BODY)
    site.put(f"{directory}/{name}", SUMS[name](digest.hexdigest()).encode())
    found = cache.obtain([url], None, meter, unverified=False)
    assert found.verified
    assert found.digest == f"{digest.name}:{digest.hexdigest()}"
    site.put(f"{directory}/disk.img", BODY[1:])
    Path(found.path).unlink()
    with pytest.raises(DigestMismatch):
        cache.obtain([url], None, meter, unverified=False)


def test_without_any_digest_it_has_to_be_allowed(site: Upstream, cache: Cache, tmp_path: Path) -> None:
    url = site.put("/alone/disk.img", BODY)
    with pytest.raises(NothingPublished, match="Add 'checksum'"):
        cache.obtain([url], None, meter, unverified=False)
    found = cache.obtain([url], None, meter, unverified=True)
    assert (found.verified, found.digest) == (False, sha256(BODY))
    local = tmp_path / "local.img"
    local.write_bytes(BODY)
    assert cache.obtain([f"file://{local}"], None, meter, unverified=False).path == local
    with pytest.raises(DigestMismatch):
        cache.obtain([f"file://{local}"], f"sha256:{'1' * 64}", meter, unverified=False)


def test_a_list_that_contradicts_itself_is_not_used() -> None:
    with pytest.raises(sums.SumsUnusable, match="several"):
        sums.find(f"{'0' * 64}  a\n{'1' * 64}  a\n", "a")
    with pytest.raises(sums.SumsUnusable, match="none for 'b'"):
        sums.find(f"{'0' * 64}  a.b\n{'1' * 64}  b.a\n", "b")


def pointing(site: Upstream, **more: Any) -> Definition:
    here = Place("test.yml", 1, 1)
    version = Version(version="latest", url=f"{site.url}/pointer/disk.img", place=here, **more)
    return Definition(name="X", format="raw", place=here, multi=True, versions=(version,))


def test_latest_is_the_build_that_the_sums_name(site: Upstream, web: Web) -> None:
    site.put("/pointer/disk.img", BODY)
    [found], failed = pointer.resolve([pointing(site, checksums_url=site.sums("/pointer/S", "/pointer/disk.img"))], web)
    [version] = found.versions
    assert (version.version, version.build_date, str(version.checksum)) == ("20260121", "2026-01-21", sha256(BODY))
    assert failed == {}
    _, failed = pointer.resolve([pointing(site, checksum_url=f"{site.url}/pointer/none")], web)
    assert "There are no digests" in failed["X"]
