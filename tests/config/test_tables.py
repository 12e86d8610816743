"""The option tables: complete, in themselves consistent, and true about what is used."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure
from intaglio.bootstrap.options.catalogue import GROUPS, Catalogue
from intaglio.bootstrap.options.model import Kind, State
from intaglio.bootstrap.reference import reference
from intaglio.bootstrap.report import show
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.values import parse
from tests.config.conftest import Write
from tests.starters.base import ROOT

Make = Callable[..., Sources]
PAGE = ROOT / "docs" / "reference" / "configuration.md"


def test_no_option_stands_twice_in_a_group() -> None:
    seen = Counter(
        (group.name, option.name) for group in GROUPS if group.name != "backend_defaults" for option in group.options
    )
    assert [name for name, number in seen.items() if number > 1] == []


CATALOGUE = Catalogue({"a": "file"})


@pytest.mark.parametrize("group", CATALOGUE.groups())
def test_every_row_says_what_it_must(group: str) -> None:
    for name in CATALOGUE.names(group):
        found = CATALOGUE.find(group, name)
        assert found is not None
        row = found[1]
        assert row.name == row.name.lower()
        assert "-" not in row.name
        if row.state is State.USED:
            assert row.meaning
            assert not row.refused
        else:
            assert row.note
        if isinstance(row.default, str) and row.kind is not Kind.TEXT:
            assert parse(row, row.default) == row.default
        if row.refused:
            assert row.note.startswith("Refused: ")


def test_what_is_marked_used_is_read_and_the_other_way_round(write: Write, sources: Make) -> None:
    several = "[DEFAULT]\nenabled_backends = a:file\n[glance_store]\ndefault_backend = a\n[backend_defaults]\n"
    files = {
        "plain": several,
        "several": several
        + "filesystem_store_datadir=/x\nfilesystem_store_file_perm=600\nfilesystem_thin_provisioning=1",
        "one": "[glance_store]\nfilesystem_store_datadir = /x\n",
    }
    read, marked = set(), set()
    for name, text in files.items():
        reading = configure(sources(write(text, f"{name}.conf"))).reading
        read |= {(group, option) for group, option in reading.read if reading.option(group, option).state is State.USED}
        marked |= {(group, option.name) for group, option in reading.catalogue if option.state is State.USED}
        unused = {(group, option) for group, option in reading.read} - marked
        allowed = {"auth_section", *(option for _group, option in unused if option.startswith("filesystem_"))}
        assert {option for _group, option in unused} <= allowed
    assert marked == read


def test_every_setting_is_shown(sources: Make) -> None:
    made = configure(sources()).settings
    fields = {
        field
        for section in Settings.__struct_fields__
        if section not in {"stores", "identity"}
        for field in getattr(made, section).__struct_fields__
    }
    assert fields - {row.option for row in show(sources())} == set()


def test_the_reference_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "the page is stale: run python -m intaglio.bootstrap.reference > docs/reference/configuration.md"
    )


def test_the_reference_page_names_every_option_and_group() -> None:
    text = reference()
    for group in GROUPS:
        assert f"[{group.name}]" in text
        assert [option.name for option in group.options if f"`{option.name}`" not in text] == []


def test_nothing_outside_bootstrap_imports_oslo_config() -> None:
    source = ROOT / "src" / "intaglio"
    users = {
        path.relative_to(source).parts[0]
        for path in source.rglob("*.py")
        if "oslo_config" in Path(path).read_text(encoding="utf-8")
    }
    assert users == {"bootstrap"}
