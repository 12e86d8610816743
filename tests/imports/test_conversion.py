"""Whether an import is converted, by what its image says."""

from pathlib import Path

import pytest

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.domain.image import Image, Visibility
from intaglio.domain.status import Status
from intaglio.imports.conversion import Conversion, Signed, SignedNotConverted
from intaglio.ingest.conversion.base import CannotConvert, ConversionSettings


def an_image(disk_format: str, container: str = "bare", status: Status = Status.IMPORTING, **properties: str) -> Image:
    now = utcnow()
    return Image(
        id="i",
        status=status,
        visibility=Visibility.PRIVATE,
        created_at=now,
        updated_at=now,
        disk_format=disk_format,
        container_format=container,
        properties=properties,
    )


def conversion(output: str = "raw", signed: Signed = Signed.REFUSE) -> Conversion:
    return Conversion(settings=ConversionSettings(output_format=output, work_dir=Path("/nowhere")), signed=signed)


@pytest.mark.parametrize(
    ("disk_format", "container", "output", "wanted"),
    [
        ("qcow2", "bare", "raw", True),
        ("vmdk", "ova", "raw", True),
        ("raw", "bare", "vmdk", True),
        ("raw", "bare", "raw", False),
        ("iso", "bare", "raw", False),
        ("ari", "ari", "raw", False),
        ("raw", "docker", "qcow2", False),
        ("qcow2", "compressed", "raw", False),
    ],
)
def test_wanted(disk_format: str, container: str, output: str, wanted: bool) -> None:
    assert conversion(output).wanted(an_image(disk_format, container), required=False) is wanted


def test_a_format_that_cannot_be_converted() -> None:
    with pytest.raises(CannotConvert, match="ploop"):
        conversion().wanted(an_image("ploop"), required=False)


@pytest.mark.parametrize(("signed", "result"), [("refuse", SignedNotConverted), ("keep", False), ("unsign", True)])
def test_signed(signed: str, result: type[IntaglioError] | bool) -> None:
    image = an_image("qcow2", img_signature="c2ln")
    if isinstance(result, bool):
        assert conversion(signed=Signed(signed)).wanted(image, required=False) is result
    else:
        with pytest.raises(result):
            conversion(signed=Signed(signed)).wanted(image, required=False)
    assert not conversion("qcow2", Signed(signed)).wanted(image, required=False)


def test_where_a_signature_is_required_none_is_dropped() -> None:
    image = an_image("qcow2", img_signature="c2ln")
    with pytest.raises(SignedNotConverted):
        conversion(signed=Signed.UNSIGN).wanted(image, required=True)
    assert not conversion(signed=Signed.KEEP).wanted(image, required=True)


def test_a_copy_is_never_converted() -> None:
    assert not conversion().wanted(an_image("qcow2", status=Status.ACTIVE), required=False)
