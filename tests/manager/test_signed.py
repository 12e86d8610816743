"""Signed sums: GnuPG signs as upstreams do; what is not signed by a pinned key never becomes an image."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from intaglio.manager import catalogue, lockfile, pinning
from intaglio.manager.definitions import Signature
from intaglio.manager.pinning import LockDiffers
from intaglio.manager.upstream import signed
from tests.manager import trees
from tests.manager.conftest import Desk, Json, changes, definition
from tests.manager.test_lock import locked, pin
from tests.manager.test_running import catalog
from tests.starters.openpgp_people import Person, people

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def signers() -> Iterator[Sequence[Person]]:
    with people("upstream", "stranger") as made:
        yield made


def keys(desk: Desk, *persons: Person, name: str = "keys.asc") -> str:
    desk.files.mkdir(exist_ok=True)
    (desk.files / name).write_bytes(b"".join(person.certificate() for person in persons))
    return name


def release(desk: Desk, version: str, sign: Callable[[str, bytes], None]) -> Json:
    """A build with a list of sums; `sign` is told the list's path and text."""
    root = f"/{desk.tag}/{version}"
    url = desk.site.put(f"{root}/disk.img", f"{desk.tag} {version} ".encode() * 64)
    desk.site.sums(f"{root}/SHA256SUMS", f"{root}/disk.img")
    sign(f"{root}/SHA256SUMS", desk.site.things[f"{root}/SHA256SUMS"].body)
    return {"version": version, "url": url}


Case = Callable[[Desk, Person, Person], Callable[[str, bytes], None]]
GOOD: dict[str, Case] = {
    "clear-signed": lambda desk, one, _: lambda path, text: void(desk.site.put(path, one.clear(text))),
    "detached": lambda desk, one, _: lambda path, text: void(desk.site.put(f"{path}.gpg", one.detached(text))),
    "armoured": lambda desk, one, _: (
        lambda path, text: void(desk.site.put(f"{path}.asc", one.detached(text, armoured=True)))
    ),
    "signed-list-is-not-the-first": lambda desk, one, _: (
        lambda path, text: void(
            desk.site.put(f"{path.rpartition('/')[0]}/SHA512SUMS", b"0" * 128 + b"  disk.img\n"),
            desk.site.put(f"{path}.sign", one.detached(text)),
        )
    ),
}
BAD: dict[str, tuple[Case, str]] = {
    "unsigned": (lambda desk, one, two: lambda path, text: None, "a signed list of digests is required"),
    "stranger": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(path, two.clear(text))),
        "none of those that count",
    ),
    "stranger-beside": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(f"{path}.gpg", two.detached(text))),
        "none of those that count",
    ),
    "other-text": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(f"{path}.gpg", one.detached(text + b" "))),
        "not what was signed",
    ),
    "changed-after-signing": (
        lambda desk, one, two: (
            lambda path, text: void(desk.site.put(path, one.clear(b"0" * 64 + text[64:]).replace(b"0" * 64, text[:64])))
        ),
        "not what was signed",
    ),
    "digest-behind-the-signature": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(path, one.clear(b"nothing\n") + text)),
        "has none for 'disk.img'",
    ),
    "digest-of-other-bytes": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(path, one.clear(b"1" * 64 + text[64:]))),
        "digest",
    ),
    "no-signature-at-all": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(f"{path}.gpg", b"<html>welcome</html>")),
        "OpenPGP",
    ),
    "half-a-signature": (
        lambda desk, one, two: lambda path, text: void(desk.site.put(f"{path}.gpg", one.detached(text)[:40])),
        "OpenPGP",
    ),
}


def void(*_: object) -> None:
    return None


@pytest.mark.parametrize("case", GOOD)
def test_what_is_signed_by_a_pinned_key_arrives_and_says_by_whom(
    case: str, desk: Desk, signers: Sequence[Person]
) -> None:
    one, two = signers
    build = release(desk, "1", GOOD[case](desk, one, two))
    desk.write(definition("X", [build], signature={"keys": [keys(desk, one)]}))
    desk.apply()
    [image] = desk.images()
    assert image.properties["catalog_signed_by"] == one.fingerprint
    asked = len(desk.site.requests)
    assert changes(desk.plan()) == []
    assert len(desk.site.requests) == asked, "what is there is not asked for again"


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_never_becomes_an_image(case: str, desk: Desk, signers: Sequence[Person]) -> None:
    one, two = signers
    good = release(desk, "1", GOOD["detached"](desk, one, two))
    wanted = definition("X", [good], signature={"keys": [keys(desk, one)]})
    desk.write(wanted)
    desk.apply()
    spoil, said = BAD[case]
    wanted["versions"].append(release(desk, "2", spoil(desk, one, two)))
    desk.write(wanted, definition("Y", [desk.build("1")], multi=False))
    made = desk.plan(delete=True)
    outcomes = desk.try_(made)
    messages = [note.message for note in made.notes] + [each.message for each in outcomes if each.result == "failed"]
    assert any(said in message for message in messages), messages
    assert desk.seen() == {"X": ("1", "public"), "Y 1": ("1", "public")}, "the others go on"


def test_the_checksum_of_the_file_has_to_be_the_signed_one(desk: Desk, signers: Sequence[Person]) -> None:
    one, two = signers
    build = release(desk, "1", GOOD["clear-signed"](desk, one, two))
    for checksum, said in (("sha256:" + "2" * 64, "and 'checksum' is sha256:222"), ("md5:" + "2" * 32, "be compared")):
        desk.write(definition("X", [build | {"checksum": checksum}], signature={"keys": [keys(desk, one)]}))
        made = desk.plan()
        assert made.failed
        assert said in made.notes[0].message
        assert changes(made) == []


def test_of_a_keyring_only_the_pinned_count(desk: Desk, signers: Sequence[Person]) -> None:
    one, two = signers
    build = release(desk, "1", GOOD["clear-signed"](desk, two, one))
    ring = keys(desk, one, two)
    spaced = " ".join(re.findall("....", one.fingerprint)).upper()
    desk.write(definition("X", [build], signature={"keys": [ring], "fingerprints": [spaced]}))
    assert "none of those that count" in desk.plan().notes[0].message
    desk.write(definition("X", [build], signature={"keys": [ring], "fingerprints": [two.fingerprint]}))
    assert not desk.plan().failed
    desk.write(definition("X", [build], signature={"keys": [ring], "fingerprints": ["0" * 40]}))
    assert "There is no certificate with the fingerprint 000" in desk.plan().notes[0].message


def test_where_list_and_signature_are_can_be_said(desk: Desk, signers: Sequence[Person]) -> None:
    one, _ = signers
    build = release(desk, "1", lambda path, text: void(desk.site.put("/sums/1/LIST", text)))
    desk.site.put("/sums/1/by/LIST.pgp", one.detached(desk.site.things["/sums/1/LIST"].body))
    demand = {"keys": [keys(desk, one)], "sums": "/sums/{version}/LIST", "detached": "by/LIST.pgp"}
    desk.write(definition("X", [build], signature=demand))
    desk.apply()
    assert desk.images()[0].properties["catalog_signed_by"] == one.fingerprint


def test_a_pointer_is_followed_only_if_signed(desk: Desk, signers: Sequence[Person]) -> None:
    one, two = signers
    build = release(desk, "latest", GOOD["clear-signed"](desk, one, two))
    build["checksums_url"] = build["url"].replace("disk.img", "SHA256SUMS")
    desk.write(definition("X", [build], signature={"keys": [keys(desk, one)]}))
    desk.apply()
    assert desk.seen() == {"X": ("20260121", "public")}
    release(desk, "latest", BAD["stranger"][0](desk, one, two))
    made = desk.plan()
    assert made.failed
    assert changes(made) == []


def test_the_lock_pins_who_signed(desk: Desk, signers: Sequence[Person]) -> None:
    one, two = signers
    build = release(desk, "1", GOOD["detached"](desk, one, two))
    demand = {"keys": [keys(desk, one)]}
    desk.write(definition("X", [build], signature=demand))
    assert [each.signed_by for each in pin(desk)] == [one.fingerprint]
    for path in [path for path in desk.site.things if path.endswith(("SUMS", ".gpg")) and desk.tag in path]:
        del desk.site.things[path]
    assert not locked(desk).failed, "nobody is asked again"
    desk.write(definition("X", [build]))
    with pytest.raises(LockDiffers, match="was signed when it was pinned, and no signature is required now"):
        locked(desk)
    desk.write(definition("X", [build], signature={"keys": [keys(desk, two, name="two.asc")]}))
    with pytest.raises(LockDiffers, match="which is not among the keys now"):
        locked(desk)
    desk.write(definition("X", [build], signature=demand))
    file = desk.files / "catalog.lock"
    file.write_text(re.sub(r"\n  signed_by.*", "", file.read_text()))
    with pytest.raises(LockDiffers, match="was pinned without one"):
        locked(desk)
    assert [each.result for each in pin(desk)] == ["failed"], "and it cannot be verified any more"
    assert lockfile.load(file).builds[0].signed_by is None
    assert pinning.difference(lockfile.load(file).builds[0], *_only(desk)) is not None


def _only(desk: Desk) -> Any:
    [found] = catalogue.read(desk.files).definitions
    return found, found.versions[0]


def test_update_lists_no_build_that_is_not_signed(desk: Desk, signers: Sequence[Person]) -> None:
    one, _ = signers
    hint = trees.debian(desk.site, ["20260108-1"])
    old = desk.build("20250101")
    desk.write(definition("Debian 13", [old], latest_url=hint, signature={"keys": [keys(desk, one)]}))
    before = (desk.files / "all.yml").read_text()
    refused = catalog(desk, "update", "images")
    assert (refused.returncode, "a signed list of digests is required" in refused.stdout) == (1, True)
    assert (desk.files / "all.yml").read_text() == before
    path = "/cloud/trixie/20260108-1/SHA512SUMS"
    desk.site.put(f"{path}.sign", one.detached(desk.site.things[path].body))
    done = catalog(desk, "update", "images")
    assert done.returncode == 0, done.stdout
    assert "20260108-1" in (desk.files / "all.yml").read_text()


def test_what_is_wrong_in_the_definition_is_said_with_its_place(desk: Desk) -> None:
    desk.write(definition("X", [], signature={"keys": ["none.asc"], "fingerprints": ["ABCD1234"]}))
    said = [str(problem) for problem in catalogue.read(desk.files).errors]
    assert any("there is no file" in each and "none.asc" in each for each in said), said
    assert any("40 or 64 hexadecimal digits, not a key id" in each for each in said), said
    assert all(re.search(r"all\.yml:\d+:\d+: error: ", each) for each in said)
    (desk.files / "none.asc").write_text("nothing\n")
    demand = Signature(keys=(str(desk.files / "none.asc"),))
    with pytest.raises(signed.KeysUnusable, match=r"none\.asc: .*no"):
        signed.keyring(demand)


def test_expired_keys_do_not_count(desk: Desk) -> None:
    with people("late", lasts="1y", on="20200101T000000") as [late]:
        build = release(desk, "1", GOOD["detached"](desk, late, late))
        desk.write(definition("X", [build], signature={"keys": [keys(desk, late)]}))
        assert "expired" in desk.plan().notes[0].message


def test_the_keyring_of_debian_is_read() -> None:
    ring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if not ring.exists():
        pytest.skip("real part missing: the Debian package debian-archive-keyring")
    found = signed.keyring(Signature(keys=(str(ring),))).fingerprints
    assert len(found) > 3
    assert all(re.fullmatch("[0-9a-f]{40}", each) for each in found)
