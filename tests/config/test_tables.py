"""The option tables: complete, in themselves consistent, and true about what is used."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure
from intaglio.bootstrap.options.catalogue import ALL_DRIVERS, DRIVERS, GROUPS, Catalogue
from intaglio.bootstrap.options.identity import LOGIN_NAMES
from intaglio.bootstrap.options.model import Kind, State
from intaglio.bootstrap.reference import reference
from intaglio.bootstrap.report import show
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.values import parse
from intaglio.identity.settings import KeystoneSettings, UnifiedLimitsSettings
from intaglio.outbound.settings import UrlLists
from intaglio.stores.drivers.file_places import FileOptions
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
        else:
            assert row.note
        if isinstance(row.default, str) and row.kind is not Kind.TEXT:
            assert parse(row, row.default) == row.default


FIELDS = {  # where a section's fields stand in the files
    "api": ("DEFAULT",),
    "cors": ("cors",),
    "limits": ("DEFAULT",),
    "ingest": ("DEFAULT",),
    "formats": ("image_format",),
    "database": ("database", "DEFAULT"),
    "policy": ("oslo_policy", "DEFAULT"),
    "serve": ("intaglio",),
    "identity": ("intaglio",),
    "upkeep": ("intaglio",),
    "events": ("intaglio",),
    "metadefs": ("metadefs",),
    "tasks": ("task", "intaglio"),
    "deletion": ("DEFAULT", "intaglio"),
    "signatures": ("image_signature_verification",),
}
ELSEWHERE = {"enable_proxy_headers_parsing": "oslo_middleware", "disable_by_file_path": "healthcheck"}
LOADER = {"load.py", "report.py", "reference.py", "judge.py", "store_settings.py", "reading.py", "sources.py"}
INDIRECT = {  # read by the loader itself, or by a driver that is handed all its options
    ("intaglio", "auth"),
    ("intaglio", "auth_none_anywhere"),
    ("paste_deploy", "flavor"),
    ("database", "connection_parameters"),
    ("glance_store", "default_backend"),
    ("glance_store", "stores"),
    ("glance_store", "default_store"),
    ("DEFAULT", "enabled_backends"),
    ("DEFAULT", "use_keystone_limits"),
    ("DEFAULT", "metadata_source_path"),  # is called source_path among the settings of metadefs
    ("intaglio", "rate_limit_list"),
    ("intaglio", "rate_limit_write"),
    ("intaglio", "rate_limit_upload"),
    ("intaglio", "rate_limit_import"),
    ("intaglio", "rate_limit_other"),
    ("intaglio", "rate_limit_storage"),
    ("intaglio", "journal"),
    ("intaglio", "imports_at_once"),  # is called concurrency among the settings of flows
    ("os_glance_staging_store", "store_type"),
    ("oslo_concurrency", "lock_path"),  # test_stores.py proves these three
    ("os_brick", "lock_path"),
    ("privsep_osbrick", "helper_command"),
    ("DEFAULT", "node_staging_uri"),
    *(("import_filtering_opts", name) for name in UrlLists.__struct_fields__),  # test_outbound.py proves these
    *(("intaglio", f"fetch_{name}") for name in ("networks", "proxy", "ca_file", "slowest")),
    *(("intaglio", f"fetch_{name}") for name in ("connect_seconds", "stall_seconds", "total_hours")),
    ("glance_download_properties", "extra_properties"),  # is called copied_properties
    ("image_import_opts", "image_import_plugins"),  # is called order; tests/imports/test_plugins.py proves these
    ("inject_metadata_properties", "inject"),
    ("inject_metadata_properties", "ignore_user_roles"),
    ("intaglio", "unpack_ratio"),
    ("intaglio", "unpack_free_gib"),
    ("image_signature_verification", "key_manager_seconds"),  # is called seconds; tests/signatures prove these
    *(
        (group.name, row.name)
        for group in GROUPS
        if group.origin == "castellan"
        for row in group.options
        if row.state is State.USED
    ),  # castellan reads the files itself
    ("intaglio", "metrics_from"),  # tests/api/test_metrics.py proves it
    ("image_conversion", "output_format"),  # test_conversion.py proves these
    ("image_format", "vmdk_allowed_types"),
    ("task", "work_dir"),
    ("image_signature_verification", "service_certificate"),  # it goes with service_key: test_service_key.py
    *(("intaglio", f"convert_{name}") for name in ("signed", "memory_mib", "minutes")),
    ("DEFAULT", "debug"),  # of the processes, among the options of [intaglio]
}


KEYSTONE = {"auth_type", "auth_section", *LOGIN_NAMES}  # handed to keystoneauth as they are


def test_what_is_marked_used_is_used_and_the_other_way_round(sources: Make) -> None:
    """A row is true when code outside of the loader reads the setting of that name."""
    source = ROOT / "src" / "intaglio"
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in source.rglob("*.py")
        if path.name != "settings.py"
        and not (path.parent.name == "bootstrap" and path.name in LOADER)
        and path.parent.name != "options"
    )
    asked = set(re.findall(r"\.([a-z_]+)\b(?!\()", code))
    made = configure(sources()).settings
    wrong, seen = [], set()
    for section, groups in FIELDS.items():
        for field in getattr(made, section).__struct_fields__:
            places = (ELSEWHERE[field],) if field in ELSEWHERE else groups
            group = next((place for place in places if CATALOGUE.find(place, field)), groups[0])
            found = CATALOGUE.find(group, field)
            if found is None or (group, field) in INDIRECT:
                continue
            seen.add((group, field))
            if (found[1].state is State.USED) != (field in asked):
                wrong.append(f"[{group}] {field} is marked {found[1].state}, but that is not so")
    assert wrong == []
    for group, settings in (("keystone_authtoken", KeystoneSettings), ("oslo_limit", UnifiedLimitsSettings)):
        for field in settings.__struct_fields__:
            if field != "login":
                assert field in asked | KEYSTONE, f"[{group}] {field} is read by nobody"
                seen.add((group, field))
        seen |= {(group, name) for name in KEYSTONE}
    fixed = {(group, option.name) for group, option in Catalogue() if option.state is State.USED}
    drivers = {option.name for option in ALL_DRIVERS}
    assert {name for name in fixed if name[1] not in drivers} - seen == INDIRECT


def test_the_file_drivers_options_are_those_of_the_table() -> None:
    assert {option.name for option in DRIVERS["file"]} == set(FileOptions.__struct_fields__)


def test_every_setting_is_shown(sources: Make) -> None:
    made = configure(sources()).settings
    fields = {
        field
        for section in Settings.__struct_fields__
        if section
        not in {"stores", "identity", "custom_schema", "metadefs", "rates", "unified_limits", "staging", "flows"}
        and section not in {"outbound", "copied_properties", "plugins", "signatures"}
        for field in getattr(made, section).__struct_fields__
    }
    known = {(group, option.name): option for group, option in Catalogue()}
    unused = {name for (_group, name), option in known.items() if option.state is not State.USED}
    derived = {"metrics"}  # a file in the data directory
    assert fields - {row.option for row in show(sources())} - unused - derived == set()


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
