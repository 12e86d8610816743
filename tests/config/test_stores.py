"""The stores in both of Glance's forms, and the embedded one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.options.stores import WORKING
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.report import check
from intaglio.bootstrap.sources import Sources
from intaglio.outbound.settings import OutboundSettings
from intaglio.stores.registry import DRIVERS, build
from intaglio.stores.settings import OUTBOUND
from tests.config.conftest import Write

Make = Callable[..., Sources]

SEVERAL = """\
[DEFAULT]
enabled_backends = fast:file, SLOW:file
[glance_store]
default_backend = fast
[backend_defaults]
filesystem_store_datadir = /srv/default
filesystem_store_file_perm = 0640
[fast]
filesystem_store_datadir = /srv/fast
weight = 200
store_description = quick, and dear
[SLOW]
filesystem_thin_provisioning = yes
"""


def test_several_stores_have_a_group_each_and_common_defaults(write: Write, sources: Make) -> None:
    stores = load(sources(write(SEVERAL))).stores
    fast, slow = stores.stores
    assert (stores.multi, stores.default) == (True, "fast")
    assert (fast.id, fast.type, fast.weight, fast.description) == ("fast", "file", 200, "quick, and dear")
    assert (slow.id, slow.type, slow.weight, slow.description) == ("SLOW", "file", 0, None)
    assert fast.options["filesystem_store_datadir"] == "/srv/fast"
    assert slow.options["filesystem_store_datadir"] == "/srv/default"
    assert fast.options["filesystem_store_file_perm"] == 0o640
    assert "filesystem_thin_provisioning" not in fast.options
    assert slow.options["filesystem_thin_provisioning"] is True
    assert set(build(stores)) == {"fast", "SLOW"}


def test_a_store_in_the_environment(write: Write, sources: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_FAST__WEIGHT", "7")
    monkeypatch.setenv("OS_FAST__WIEGHT", "8")
    configuration = configure(sources(write(SEVERAL)))
    assert configuration.settings.stores.stores[0].weight == 7
    assert [warning.code for warning in configuration.warnings] == ["unknown-variable"]


@pytest.mark.parametrize("form", ["[fast:file,slow:file]", '"fast":"file", slow:file', "{fast:file,slow:file}"])
def test_other_forms_of_the_map(form: str, write: Write, sources: Make) -> None:
    text = f"[DEFAULT]\nenabled_backends = {form}\n[glance_store]\ndefault_backend=slow\n"
    if form.startswith("["):
        assert not check(sources(write(text))).fine
    else:
        assert [store.id for store in load(sources(write(text))).stores.stores] == ["fast", "slow"]


@pytest.mark.parametrize(
    ("backends", "default", "code_line", "words"),
    [
        ("os_glance_x:file, a:file", "a", 2, "must not begin with os_glance_"),
        ("a:tape", "a", 2, "unknown type 'tape'; types are file, http, rbd, s3, swift, cinder, vmware"),
        ("a:file, a:http", "a", 2, "named twice"),
        ("database:file, a:file", "a", 2, "the name of a group with another meaning"),
        ("a:file", "b", 4, "default_backend names 'b'; with enabled_backends it must be one of a"),
        (
            "a:file, c:vmware",
            "c",
            2,
            "The store 'c' is of type 'vmware', which comes with a later release. It cannot be",
        ),
    ],
)
def test_wrong_stores(backends: str, default: str, code_line: int, words: str, write: Write, sources: Make) -> None:
    file = write(f"[DEFAULT]\nenabled_backends = {backends}\n[glance_store]\ndefault_backend = {default}\n")
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(file))
    first = caught.value.problems[0]
    assert words in first.message
    assert first.line == code_line


def test_the_default_store_must_be_named(write: Write, sources: Make) -> None:
    with pytest.raises(ConfigInvalid, match=r"\[glance_store\] default_backend: default_backend is not set"):
        load(sources(write("[DEFAULT]\nenabled_backends = a:file\n")))


def test_a_store_without_a_driver_yet_is_left_out_and_told(write: Write, sources: Make) -> None:
    file = write(
        "[DEFAULT]\nenabled_backends = a:file, b:vmware\n[glance_store]\ndefault_backend = a\n"
        "[b]\nvmware_server_host = p\n"
    )
    configuration = configure(sources(file))
    assert [store.id for store in configuration.settings.stores.stores] == ["a"]
    assert configuration.settings.stores.multi is True
    assert [found.code for found in configuration.warnings] == ["store-not-yet", "not-yet-options"]
    report = check(sources(file))
    assert report.fine
    assert [(row.option, row.verdict) for row in report.options if row.group == "b"] == [
        ("vmware_server_host", "not-yet")
    ]


@pytest.mark.parametrize("words", ["", "default_store = file", "stores = file,http\ndefault_store = filesystem"])
def test_one_store(words: str, write: Write, sources: Make) -> None:
    file = write(f"[glance_store]\nfilesystem_store_datadir = /srv/images\n{words}\n")
    stores = load(sources(file)).stores
    assert (stores.multi, stores.default, [store.type for store in stores.stores]) == (False, "file", ["file", "http"])
    assert stores.stores[0].options["filesystem_store_datadir"] == "/srv/images"


WEB = "[DEFAULT]\nenabled_backends = a:file, web:http\n[glance_store]\ndefault_backend = a\n[web]\n"


def test_a_store_on_the_web(write: Write, sources: Make, tmp_path: Path) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.touch()
    file = write(
        f"{WEB}weight = 5\nhttps_ca_certificates_file = {authorities}\n"
        "http_proxy_information = http:10.0.0.1:3128, https:https://user:geheim@proxy.example.org:3129\n"
        "[import_filtering_opts]\nallowed_hosts = images.example.org\n"
    )
    configuration = configure(sources(file))
    rules = configuration.settings.stores.stores[1].options[OUTBOUND]
    assert isinstance(rules, OutboundSettings)
    assert rules.lists.allowed_hosts == ("images.example.org",)
    assert (rules.ca_file, rules.ca_alone, rules.insecure) == (authorities, True, False)
    assert rules.proxy_for("http") == "http://10.0.0.1:3128"
    assert rules.proxy_for("https") == "https://user:geheim@proxy.example.org:3129"
    assert "geheim" not in f"{configuration.settings.stores} {rules}"
    assert not configuration.settings.outbound.proxies
    assert configuration.warnings == ()


def test_a_store_on_the_web_checks_certificates_unless_told_otherwise(write: Write, sources: Make) -> None:
    for text, insecure in (("", False), ("https_insecure = true\n", True)):
        configuration = configure(sources(write(WEB + text)))
        rules = configuration.settings.stores.stores[1].options[OUTBOUND]
        assert isinstance(rules, OutboundSettings)
        assert (rules.insecure, rules.ca_alone) == (insecure, False)
        assert [found.code for found in configuration.warnings] == ["insecure"] * insecure


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https_ca_certificates_file = /absent.pem", "There is no file '/absent.pem'"),
        ("http_proxy_information = ftp:10.0.0.1:3128", "http:HOST:PORT"),
        ("http_proxy_information = http:10.0.0.1:x", "http:HOST:PORT"),
        ("[glance_store]\ndefault_backend = web", "which is read-only"),
    ],
)
def test_a_store_on_the_web_that_is_wrong(text: str, said: str, write: Write, sources: Make) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        load(sources(write(f"{WEB}{text}\n")))


def test_the_only_store_cannot_be_on_the_web(write: Write, sources: Make) -> None:
    with pytest.raises(ConfigInvalid, match="which is read-only"):
        load(sources(write("[glance_store]\nstores = http\ndefault_store = http\n")))


def test_one_store_without_a_directory_has_glances(write: Write, sources: Make) -> None:
    stores = load(sources(write("[glance_store]\nstores = glance.store.filesystem.Store\n"))).stores
    assert stores.stores[0].options == {}
    assert build(stores)["file"].uri("x") == "file:///var/lib/glance/images/x"


def test_one_store_of_another_kind_is_refused(write: Write, sources: Make) -> None:
    with pytest.raises(ConfigInvalid, match=r"glance-api\.conf:2: .*'vmware', which comes with a later release"):
        load(sources(write("[glance_store]\nstores = file,vmware\ndefault_store = vsphere\n")))
    with pytest.raises(ConfigInvalid, match="The default store 'file' is not among the stores: http"):
        load(sources(write("[glance_store]\nstores = http\n")))


def test_the_stores_own_directories_replace_the_common_one(write: Write, sources: Make) -> None:
    several = "filesystem_store_datadirs = /srv/a:200\nfilesystem_store_datadirs = /srv/b:100\n"
    settings = load(sources(write(SEVERAL + several)))
    slow = settings.stores.stores[1].options
    assert slow["filesystem_store_datadirs"] == ("/srv/a:200", "/srv/b:100")
    assert "filesystem_store_datadir" not in slow
    assert set(build(settings.stores)) == {"fast", "SLOW"}
    with pytest.raises(ConfigInvalid, match="Set this or filesystem_store_datadir, not both"):
        load(sources(write(SEVERAL + several + "filesystem_store_datadir = /srv/c\n")))


def test_files_and_groups_without_a_store_are_told(write: Write, sources: Make) -> None:
    file = write("[DEFAULT]\nenabled_backends=fast:file\n[glance_store]\ndefault_backend=fast\n[fats]\nweight=1\n")
    [warning] = configure(sources(file)).warnings
    assert "Did you mean fast?" in warning.message
    assert (warning.code, warning.line) == ("unknown-option", 6)


def test_every_working_kind_has_a_driver() -> None:
    assert set(WORKING) == set(DRIVERS) - {"memory"}


@pytest.mark.parametrize(
    ("more", "locks"),
    [("", "/run/all"), ("[os_brick]\nlock_path = /run/brick\n", "/run/brick")],
    ids=["common", "own"],
)
def test_what_a_cinder_store_is_told_of_its_libraries(more: str, locks: str, write: Write, sources: Make) -> None:
    """In groups of theirs; and whether locations name stores."""
    common = f"[oslo_concurrency]\nlock_path = /run/all\n[privsep_osbrick]\nhelper_command = doas helper\n{more}"
    several = (
        "[DEFAULT]\nenabled_backends = v:cinder\n[glance_store]\ndefault_backend = v\n[v]\ncinder_volume_type = t\n"
    )
    told = {"lock_path": locks, "helper_command": "doas helper", "cinder_volume_type": "t"}
    assert load(sources(write(several + common))).stores.stores[0].options == told
    one = "[glance_store]\nstores = cinder\ndefault_store = cinder\ncinder_volume_type = t\n"
    assert load(sources(write(one + common))).stores.stores[0].options == told | {"single": True}
    assert (
        "lock_path"
        not in load(sources(write(f"{common}[glance_store]\ndefault_store = file\n"))).stores.stores[0].options
    )
