"""How conversion is configured, and what a start and `config check` say of a machine that lacks something for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure
from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.sources import Sources
from intaglio.imports.conversion import Signed
from intaglio.ingest.conversion import sandbox
from intaglio.ingest.conversion.sandbox import Walls
from tests.config.conftest import Write

Make = Callable[..., Sources]
ON = "[image_import_opts]\nimage_import_plugins = [image_decompression,image_conversion]\n"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def be(walls: Walls = Walls.BUBBLEWRAP, *lacking: str) -> None:
        monkeypatch.setattr(sandbox, "walls", lambda: walls)
        monkeypatch.setattr(sandbox, "missing", lambda _: list(lacking))

    return be


def test_every_option_arrives(machine: Callable[..., None], write: Write, sources: Make, tmp_path: Path) -> None:
    machine()
    own = "[intaglio]\nconvert_signed = unsign\nconvert_memory_mib = 512\nconvert_minutes = 3\n"
    glances = f"[image_conversion]\noutput_format = vmdk\n[image_format]\nvmdk_allowed_types = [streamOptimized]\n{own}"
    made = configure(sources(write(f"{ON}{glances}[task]\nwork_dir = {tmp_path}/scratch\n"))).settings
    assert made.plugins.conversion is not None
    found = made.plugins.conversion.settings
    assert (found.output_format, found.vmdk_types) == ("vmdk", ("streamOptimized",))
    assert (found.memory, found.seconds, found.work_dir) == (512 << 20, 180, tmp_path / "scratch")
    assert made.plugins.conversion.signed is Signed.UNSIGN


def test_the_defaults(machine: Callable[..., None], write: Write, sources: Make) -> None:
    machine()
    made = configure(sources(write(ON)))
    assert made.settings.plugins.conversion is not None
    assert made.settings.plugins.conversion.settings.output_format == "raw"
    assert made.settings.plugins.conversion.settings.work_dir == made.settings.serve.data_dir / "converting"
    assert made.warnings == ()


def test_without_the_plugin_nothing_is_looked_for(machine: Callable[..., None], write: Write, sources: Make) -> None:
    machine(Walls.NONE, "qemu-img")
    made = configure(sources(write("[image_conversion]\noutput_format = qcow2\n")))
    assert made.settings.plugins.conversion is None
    assert [problem.code for problem in made.warnings if problem.code == "conversion-tools"] == []


@pytest.mark.parametrize(
    ("walls", "lacking", "said"),
    [
        (Walls.BUBBLEWRAP, ("qemu-img",), "This machine has no qemu-img"),
        (Walls.NAMESPACES, (), "install bubblewrap"),
        (Walls.NONE, (), "neither cut off from the network nor from files"),
    ],
)
def test_what_the_machine_lacks(
    walls: Walls,
    lacking: tuple[str, ...],
    said: str,
    machine: Callable[..., None],
    write: Write,
    sources: Make,
) -> None:
    machine(walls, *lacking)
    [problem] = configure(sources(write(ON))).warnings
    assert (problem.level, problem.code) == (Level.WARNING, "conversion-tools")
    assert said in problem.message
