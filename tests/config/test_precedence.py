"""Default < file < later file < directory < environment < command line; and what is read when nothing is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.authz.settings import there
from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.report import show
from intaglio.bootstrap.sources import Sources
from intaglio.identity.settings import AuthMode
from tests.config.conftest import Write

Make = Callable[..., Sources]


def test_nothing_at_all_gives_the_embedded_service(sources: Make, tmp_path: Path) -> None:
    settings = load(sources())
    data = tmp_path / "data"
    assert settings.serve.data_dir == data
    assert settings.database.connection == f"sqlite:///{data}/intaglio.sqlite"
    assert [store.options for store in settings.stores.stores] == [{"filesystem_store_datadir": f"{data}/images"}]
    assert settings.stores.multi is False
    assert settings.identity.mode is AuthMode.HTTP_BASIC
    assert settings.identity.users_file == data / "users"
    assert configure(sources()).warnings == ()


def test_each_source_overrides_the_one_before(write: Write, sources: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    name, seen = "workers", []

    def note(made: Sources) -> None:
        row = next(row for row in show(made) if row.option == name)
        assert str(load(made).serve.workers) == row.value
        seen.append((row.value, row.source))

    first = write("[intaglio]\nworkers = 3\n", "a.conf")
    later = write("\n[intaglio]\nworkers = 4\n", "b.conf")
    write("[intaglio]\nworkers = 5\n", "conf.d/10.conf")
    last = write("# by name\n\n[intaglio]\nworkers = 6\n", "conf.d/20.conf")
    write("[intaglio]\nworkers = 99\n", "conf.d/30.conf.orig")
    directories = (last.parent,)
    note(sources())
    note(sources(first))
    note(sources(first, later))
    note(sources(later, first))
    note(sources(first, later, directories=directories))
    monkeypatch.setenv("OS_INTAGLIO__WORKERS", "7")
    note(sources(first, later, directories=directories))
    note(sources(first, later, directories=directories, workers="8"))
    note(sources(first, later, directories=directories, workers=None))
    assert seen == [
        ("2", "default"),
        ("3", f"{first}:2"),
        ("4", f"{later}:3"),
        ("3", f"{first}:2"),
        ("6", f"{last}:4"),
        ("7", "environment OS_INTAGLIO__WORKERS"),
        ("8", "command line --workers"),
        ("7", "environment OS_INTAGLIO__WORKERS"),
    ]


def test_an_older_name_is_read_and_the_present_one_wins(write: Write, sources: Make) -> None:
    old = write("[DEFAULT]\ndisk_formats = raw\n", "old.conf")
    both = write("[image_format]\ndisk_formats = iso\n[DEFAULT]\ndisk_formats = raw\n", "both.conf")
    assert load(sources(old)).formats.disk_formats == ("raw",)
    assert load(sources(both)).formats.disk_formats == ("iso",)
    row = next(row for row in show(sources(both)) if row.option == "disk_formats")
    assert (row.value, row.line) == ("iso", 2)


def test_a_value_may_name_other_options(write: Write, sources: Make) -> None:
    file = write(
        "[DEFAULT]\nimage_cache_dir = /srv/x\n"
        "[glance_store]\nfilesystem_store_datadir = ${image_cache_dir}/images\n"
        "[database]\nconnection = mysql://a:pa$$word@h/db\n"
    )
    settings = load(sources(file))
    assert settings.stores.stores[0].options["filesystem_store_datadir"] == "/srv/x/images"
    assert settings.database.connection == "mysql://a:pa$word@h/db"


def test_with_no_file_named_the_directory_in_the_environment_is_read(
    write: Write, sources: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("[DEFAULT]\napi_limit_max = 7\n", "etc/glance-api.conf")
    monkeypatch.setenv("OS_GLANCE_CONFIG_DIR", str(file.parent))
    assert load(sources()).api.api_limit_max == 7
    write("[DEFAULT]\napi_limit_max = 8\n", "etc/glance-image-import.conf")
    assert load(sources()).api.api_limit_max == 8
    file.unlink()
    with pytest.raises(ConfigInvalid, match=r"glance-api\.conf: The file cannot be read: No such file"):
        load(sources())


def test_a_file_in_the_data_directory_is_read_when_none_is_named(write: Write, sources: Make) -> None:
    write("[intaglio]\nworkers = 5\n", "data/intaglio.conf")
    assert load(sources()).serve.workers == 5
    other = write("[intaglio]\ndrain_seconds = 1.5\n", "other.conf")
    assert load(sources(other)).serve.workers == 2
    assert load(sources(other)).serve.drain_seconds == pytest.approx(1.5)


def test_policy_files_are_looked_for_beside_the_configuration(write: Write, sources: Make, tmp_path: Path) -> None:
    file = write("[DEFAULT]\n", "etc/glance-api.conf")
    assert there(load(sources(file)).policy.policy_file) is None
    policy = write("# a sample\n{}\n", "etc/policy.yaml")
    directory = write("\n", "etc/policy.d/more.yaml").parent
    settings = load(sources(file))
    assert (there(settings.policy.policy_file), [*map(there, settings.policy.policy_dirs)]) == (policy, [directory])
    settings = load(sources())
    assert there(settings.policy.policy_file) is None
    in_data = write("{}\n", "data/policy.yaml")
    assert there(settings.policy.policy_file) == in_data, "one that comes later"
    in_data.unlink()
    named = write(f"[oslo_policy]\npolicy_file = {tmp_path}/absent.yaml\n", "etc/named.conf")
    configuration = configure(sources(named))
    assert there(configuration.settings.policy.policy_file) is None
    assert [(found.code, found.line) for found in configuration.warnings][:1] == [("policy-missing", 2)]


def test_more_parameters_are_added_to_the_connection(write: Write, sources: Make) -> None:
    file = write("[database]\nconnection = mysql://h/db?charset=utf8\nconnection_parameters = a=b&c=d\n")
    assert load(sources(file)).database.connection == "mysql://h/db?charset=utf8&a=b&c=d"
