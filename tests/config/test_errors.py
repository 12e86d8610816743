"""What is wrong is named with file, line, option, what was found and what is allowed; all of it at once."""

from collections.abc import Callable

import pytest

from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.problems import ConfigInvalid, Problem
from intaglio.bootstrap.report import check
from intaglio.bootstrap.sources import Sources
from tests.config.conftest import Write

Make = Callable[..., Sources]

WRONG = [
    ("DEFAULT", "image_size_cap", "big", "must be a whole number from 1 to 9223372036854775807"),
    ("DEFAULT", "image_size_cap", "0", "must be a whole number from 1 to"),
    ("DEFAULT", "image_size_cap", "9223372036854775808", "must be a whole number from 1 to"),
    ("DEFAULT", "image_tag_quota", "1_000", "must be a whole number."),
    ("DEFAULT", "user_storage_quota", "10 GB", "a whole number with B, KB, MB, GB or TB directly behind it"),
    ("DEFAULT", "user_storage_quota", "-1", "a whole number with B, KB, MB, GB or TB directly behind it"),
    ("DEFAULT", "use_keystone_limits", "perhaps", "must be true or false"),
    ("intaglio", "rate_limit_list", "user:10", "such as user:60/minute"),
    ("intaglio", "rate_limit_write", "nobody:10/minute", "such as user:60/minute"),
    ("intaglio", "rate_limit_upload", "user:0/minute", "such as user:60/minute"),
    ("intaglio", "rate_limit_storage", "memcached://localhost", "must begin with redis://"),
    ("intaglio", "expire_empty_after_hours", "-1", "must be a number of at least 0"),
    ("DEFAULT", "api_limit_max", "0", "must be a whole number of at least 1"),
    ("DEFAULT", "show_image_direct_url", "maybe", "must be true or false"),
    ("image_format", "disk_formats", "[raw,iso", "must be a list such as a,b or [a,b]"),
    ("DEFAULT", "enabled_backends", "fast", "must be a list of pairs such as a:b,c:d"),
    ("DEFAULT", "hashing_algorithm", "md6", "use one of blake2b"),
    ("DEFAULT", "hashing_algorithm", "shake_128", "use one of blake2b"),
    ("intaglio", "auth", "kerberos", "must be one of http_basic, keystone, trusted_proxy, none"),
    ("intaglio", "drain_seconds", "nan", "must be a number of at least 0"),
    ("glance_store", "default_store", "tape", "must be one of file"),
    ("glance_store", "stores", "file,tape", "'tape' is no kind of store"),
    ("glance_store", "filesystem_store_file_perm", "0648", "permissions in octal"),
    ("paste_deploy", "flavor", "trusted", "'trusted' is not known here"),
    ("image_import_opts", "image_import_plugins", "[image_squashing]", "There is no plug-in 'image_squashing'"),
    (
        "image_import_opts",
        "image_import_plugins",
        "[image_conversion,image_decompression]",
        "image_decompression has to come before image_conversion",
    ),
    ("image_import_opts", "image_import_plugins", "[no_op,no_op]", "named twice"),
    (
        "image_import_opts",
        "image_import_plugins",
        "[image_introspection,image_decompression]",
        "would look at packed data",
    ),
    ("database", "max_pool_size", "$nothing", "write $$ for the character"),
    ("database", "max_pool_size", "$max_pool_size", "must be a whole number"),
]


@pytest.mark.parametrize(("group", "option", "value", "allowed"), WRONG)
def test_a_wrong_value_is_named_with_its_place(
    group: str, option: str, value: str, allowed: str, write: Write, sources: Make
) -> None:
    file = write(f"# first\n[{group}]\n# third\n\n{option} = {value}\n")
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(file))
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.group, problem.option) == (str(file), 5, group, option)
    assert str(caught.value).startswith(f"{file}:5: [{group}] {option}: ")
    assert allowed in problem.message
    assert not check(sources(file)).fine


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("[DEFAULT]\nhunter2 is my password\n", 2, "a line is neither"),
        ("password = hunter2\n", 1, "before the first [group]"),
        ("[DEFAULT\ndebug = hunter2\n", 1, "no closing bracket"),
        ("[]\n", 1, "no name"),
        ("[DEFAULT]\n= hunter2\n", 2, "no name before the ="),
        ("[DEFAULT]\n\n  hunter2\n", 3, "indented line"),
    ],
)
def test_what_is_no_configuration_is_named_by_line_and_not_repeated(
    text: str, line: int, why: str, write: Write, sources: Make
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(write(text)))
    assert [problem.line for problem in caught.value.problems] == [line]
    assert why in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(write: Write, sources: Make) -> None:
    missing = write("").with_name("absent.conf")
    with pytest.raises(ConfigInvalid, match=r"absent\.conf: The file cannot be read: No such file"):
        load(sources(missing))
    with pytest.raises(ConfigInvalid, match="absent: The configuration directory cannot be read"):
        load(sources(directories=(missing.with_name("absent"),)))
    assert not check(sources(directories=(missing.with_name("absent"),))).fine


def test_all_mistakes_are_told_at_once(write: Write, sources: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("[DEFAULT]\nimage_size_cap = x\napi_limit_max = y\n")
    monkeypatch.setenv("OS_DEFAULT__IMAGE_TAG_QUOTA", "z")
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(file, workers="none"))
    text = str(caught.value)
    assert {problem.option for problem in caught.value.problems} == {
        "image_size_cap",
        "api_limit_max",
        "image_tag_quota",
        "workers",
    }
    assert "'z' (from the environment OS_DEFAULT__IMAGE_TAG_QUOTA)" in text
    assert "'none' (from the command line --workers)" in text


def test_the_value_that_counts_is_the_one_that_is_judged(write: Write, sources: Make) -> None:
    first = write("[DEFAULT]\nimage_size_cap = nonsense\n", "a.conf")
    second = write("[DEFAULT]\nimage_size_cap = 5\n", "b.conf")
    assert load(sources(first, second)).limits.image_size_cap == 5
    with pytest.raises(ConfigInvalid, match=r"a\.conf:2: "):
        load(sources(second, first))


@pytest.mark.parametrize(
    ("group", "option", "value", "allowed"),
    [
        ("DEFAULT", "image_cache_stall_time", "long", "must be a whole number"),
        ("taskflow_executor", "conversion_format", "telepathy", "qcow2"),
    ],
)
def test_a_wrong_value_of_an_option_without_effect_does_not_stop_the_start(
    group: str, option: str, value: str, allowed: str, write: Write, sources: Make
) -> None:
    file = write(f"[{group}]\n{option} = {value}\n")
    [warning] = [found for found in configure(sources(file)).warnings if found.code == "bad-value"]
    assert (warning.level, warning.line) == ("warning", 2)
    assert allowed in warning.message
    assert not check(sources(file)).fine


def test_a_key_of_another_length_stops_the_start(write: Write, sources: Make) -> None:
    file = write("[DEFAULT]\nmetadata_encryption_key = 0123456789abcde\n")
    with pytest.raises(ConfigInvalid, match="16, 24 or 32 bytes") as caught:
        load(sources(file))
    assert [problem.line for problem in caught.value.problems] == [2]
    assert "0123456789abcde" not in str(caught.value)
    for key in ("0123456789abcdef", "ü" * 8, "k" * 32):
        settings = load(sources(write(f"[DEFAULT]\nmetadata_encryption_key = {key}\n")))
        assert settings.database.metadata_encryption_key == key
        assert key not in f"{settings} {settings.database}"


@pytest.mark.parametrize(
    ("group", "option", "hint"),
    [
        ("DEFAULT", "image_size_cpa", "Did you mean image_size_cap?"),
        ("DEFAULT", "image-size-cap", "Did you mean image_size_cap?"),
        ("databse", "connection", "Did you mean database?"),
        ("Database", "conection", "Did you mean connection?"),
        ("elsewhere", "zzz", "There is no such group, and enabled_backends names no such store."),
        ("os_glance_staging", "filesystem_store_datadir", "Did you mean os_glance_staging_store?"),
    ],
)
def test_an_unknown_name_warns_with_the_nearest_one(
    group: str, option: str, hint: str, write: Write, sources: Make
) -> None:
    file = write(f"[{group}]\n{option} = hunter2\n")
    [warning] = configure(sources(file)).warnings
    assert (warning.level, warning.code, warning.file, warning.line) == ("warning", "unknown-option", str(file), 2)
    assert hint in warning.message
    assert "hunter2" not in str(warning)
    report = check(sources(file))
    assert not report.fine
    assert [(row.verdict, row.value) for row in report.options] == [("unknown", None)]


def test_an_unknown_variable_of_a_known_group_warns(sources: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_INTAGLIO__WORKRES", "3")
    monkeypatch.setenv("OS_PASSWORD", "a client's own")
    monkeypatch.setenv("OS_NOVA__THING", "another service's")
    [warning] = configure(sources()).warnings
    assert warning.code == "unknown-variable"
    assert "OS_INTAGLIO__WORKRES names no option. Did you mean workers?" in warning.message


@pytest.mark.parametrize(("bind", "refused"), [("127.0.0.1:1", False), ("[::1]:1", False), ("0.0.0.0:1", True)])
def test_no_authentication_is_for_this_machine_only(bind: str, refused: bool, write: Write, sources: Make) -> None:
    file = write("[paste_deploy]\nflavor = caching\n")

    def problems(*overrides: str) -> list[Problem]:
        return list(check(sources(file, bind=bind, **dict.fromkeys(overrides, "yes"))).problems)

    assert [problem.code for problem in problems()] == (["open-access"] if refused else [])
    assert problems("auth_none_anywhere") == []


def test_options_that_ask_for_what_happens_anyway_are_not_warned_of(write: Write, sources: Make) -> None:
    file = write(
        "[oslo_policy]\nenforce_new_defaults = true\nenforce_scope = true\n[taskflow_executor]\nmax_workers = 3\n"
    )
    messages = [warning.message for warning in configure(sources(file)).warnings]
    assert messages == [
        "Options that have no effect yet ('intaglio config check' explains each): [taskflow_executor] max_workers",
        "Options that are obsolete ('intaglio config check' explains each): [oslo_policy] enforce_scope",
    ]
    assert check(sources(file)).fine
