"""However a stream is cut and however little of it is looked at: the verdict is oslo.utils' own on the whole file."""

import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_utils.imageutils import format_inspector

from intaglio.base.errors import UnsupportedMedia
from intaglio.formats.detect import PIECE
from intaglio.formats.judge import Inspection
from intaglio.formats.settings import FormatSettings
from tests.starters.images import NAMES, image

OPTIONS = FormatSettings(disk_formats=(*FormatSettings().disk_formats, "gpt", "luks", "qed"))
ENOUGH = 5 << 20  # bytes, to keep the tests short: what is looked at in any image stands before
Outcome = tuple[str, int | None] | str
FAR_FIELDS = st.sampled_from([0, 4, 8, 12, 28, 36, 56, 64, 72, 368, 446, 450, 454, 510, 512, 32768, 32768 + 80])


def whole_file(data: bytes, declared: str) -> Outcome:
    """The contract's rules put once more, in the plainest way, over oslo.utils' wrapper which reads all of it."""
    found = formats_of(data)
    if found.keys() == {"iso", "gpt"}:
        del found["gpt"]
    if len(found) != 1:
        return "refused"
    [(name, inspector)] = found.items()
    unknown = declared not in format_inspector.ALL_FORMATS
    if not (declared in {"raw", name} or (unknown and name in {"raw", "gpt"})) or not safe(inspector, declared):
        return "refused"
    if declared == "raw":
        return name, len(data) or None
    try:
        virtual = inspector.virtual_size if declared == name else 0
    except Exception:  # noqa: BLE001 - a damaged header
        return "refused"
    return (name, virtual or None) if 0 <= virtual < 2**63 else "refused"


def formats_of(data: bytes) -> dict[str, format_inspector.FileInspector]:
    wrapper = format_inspector.InspectWrapper(io.BytesIO(data))
    while wrapper.read(PIECE):
        pass
    wrapper.close()
    try:
        found = wrapper.formats
    except AttributeError:  # the VMDK inspector, on text that is not ASCII: it is no VMDK
        wrapper._inspectors = {each for each in wrapper._inspectors if each.NAME != "vmdk"}
        found = wrapper.formats
    return {str(each): each for each in found or []}


def safe(inspector: format_inspector.FileInspector, declared: str) -> bool:
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as failed:
        return str(inspector) == "gpt" and declared in {"aki", "ari"} and failed.failures.keys() == {"mbr"}
    except format_inspector.ImageFormatError:
        return False
    return True


def streamed(data: bytes, declared: str, cuts: list[int]) -> Outcome:
    inspection = Inspection(OPTIONS, declared, "bare")
    try:
        for piece in pieces(data, cuts):
            if inspection.wants_more:
                inspection.feed(piece)
        verdict = inspection.finish(len(data))
    except UnsupportedMedia:
        return "refused"
    assert verdict.detected is not None
    return verdict.detected, verdict.virtual_size


def pieces(data: bytes, cuts: list[int]) -> Iterator[memoryview]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        yield memoryview(data)[start:end]


@pytest.mark.parametrize("name", NAMES)
def test_even_cuts(name: str) -> None:
    data = image(name).read_bytes()[:ENOUGH]
    for declared in OPTIONS.disk_formats:
        expected = whole_file(data, declared)
        for size in (4096, 65_536, 100_000, 1 << 30):
            assert streamed(data, declared, list(range(0, len(data), size))) == expected


@pytest.mark.parametrize("name", ["qcow2", "vmdk-sparse", "iso-hybrid", "text", "vdi"])
def test_a_byte_at_a_time(name: str) -> None:
    data = image(name).read_bytes()[:40_000]
    assert streamed(data, "raw", list(range(len(data)))) == whole_file(data, "raw")


@pytest.mark.parametrize("name", ["vmdk-with-footer", "vmdk-bad-footer", "vmdk-footer-elsewhere"])
@pytest.mark.parametrize("size", [100, 1000, 1535, 1536, 1537, 70_000])
def test_the_end_counts_however_it_is_cut(name: str, size: int) -> None:
    """Also when it is all that follows the first piece, or less than the inspector wants to see of it."""
    data = image(name).read_bytes()
    for whole in (data, data[:PIECE] + data[-1536:], data[:PIECE] + data[-700:]):
        assert streamed(whole, "vmdk", list(range(0, len(whole), size))) == whole_file(whole, "vmdk")


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(NAMES),
    declared=st.sampled_from(OPTIONS.disk_formats),
    cuts=st.lists(st.one_of(st.integers(0, 600), st.integers(0, 1 << 18), st.integers(0, 1 << 24)), max_size=30),
    length=st.one_of(st.none(), st.integers(0, 2048), st.integers(0, 1 << 18), st.integers(0, 1 << 23)),
    patches=st.lists(
        st.tuples(
            st.one_of(FAR_FIELDS, st.integers(0, 1024), st.integers(192 << 10, 257 << 10)), st.binary(max_size=16)
        ),
        max_size=4,
    ),
)
def test_any_cuts_of_damaged_images(
    name: str, declared: str, cuts: list[int], length: int | None, patches: list[tuple[int, bytes]]
) -> None:
    data = bytearray(image(name).read_bytes()[:ENOUGH])
    for at, patch in patches:
        data[at : at + len(patch)] = patch
    whole = bytes(data[:length])
    assert streamed(whole, declared, cuts) == whole_file(whole, declared)


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_how_oslo_reads_files(name: str) -> None:
    """`detect_file_format` reads 4096 bytes at a time and stops early, too."""
    inspection = Inspection(FormatSettings(require_image_format_match=False), "raw", "bare")
    data = image(name).read_bytes()
    try:
        detected = str(format_inspector.detect_file_format(str(image(name))))
    except (format_inspector.ImageFormatError, AttributeError):
        return
    try:
        inspection.feed(data)
        assert inspection.finish(len(data)).detected == detected
    except UnsupportedMedia as refused:
        assert f"are {detected} and not safe" in str(refused)  # noqa: PT017 - it may also be accepted, above


def test_every_inspector_is_one_we_know() -> None:
    """A new one may look for its signature beyond the first piece: then read it, and the reasoning in `detect`."""
    assert set(format_inspector.ALL_FORMATS) == {
        "raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed", "iso", "gpt", "luks",
    }  # fmt: skip
