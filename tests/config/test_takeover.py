"""Files as operators have them: a deployment with several stores, and the sample that Glance's own tools generate."""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from intaglio.bootstrap.load import configure, load
from intaglio.bootstrap.options.catalogue import Catalogue
from intaglio.bootstrap.options.model import State
from intaglio.bootstrap.report import check
from intaglio.bootstrap.sources import Sources
from intaglio.identity.settings import AuthMode
from tests.config.conftest import Write
from tests.starters.base import CACHE
from tests.starters.environments import ENVIRONMENTS, environment

Make = Callable[..., Sources]
EXAMPLES = Path(__file__).parent / "examples"
DEPLOYED = (EXAMPLES / "glance-api.conf", EXAMPLES / "glance-image-import.conf")
NAMESPACES = (
    "glance",
    "glance.api",
    "glance.cache",
    "glance.scrubber",
    "glance.store",
    "glance.multi_store",
    "keystonemiddleware.auth_token",
    "oslo.concurrency",
    "oslo.db",
    "oslo.db.concurrency",
    "oslo.log",
    "oslo.messaging",
    "oslo.middleware",
    "oslo.policy",
    "oslo.limit",
    "oslo.reports",
    "castellan.config",
)


def test_a_deployments_files_are_understood(sources: Make) -> None:
    settings = load(sources(*DEPLOYED, auth="http_basic"))
    assert settings.database.connection == "mysql+pymysql://glance:not-so-secret@127.0.0.1:3306/glance?charset=utf8"
    assert [(store.id, store.weight) for store in settings.stores.stores] == [("fast", 200), ("slow", 100), ("web", 0)]
    assert settings.stores.default == "fast"
    assert settings.formats.disk_formats[-1] == "gpt"
    assert settings.api.show_multiple_locations is True
    assert settings.api.image_cache_dir == Path("/srv/glance/cache")
    assert "glance-download" in settings.api.enabled_import_methods
    assert settings.limits.user_storage_quota == 500 << 30


def test_the_pipeline_chooses_keystone_unless_another_way_is_chosen(sources: Make) -> None:
    identity = load(sources(*DEPLOYED)).identity
    assert identity.mode is AuthMode.KEYSTONE
    assert identity.keystone is not None
    assert identity.keystone.login["username"] == "glance"
    assert identity.keystone.www_authenticate_uri == "http://127.0.0.1:5000"
    assert "not-so-secret" not in repr(identity)
    assert load(sources(*DEPLOYED, auth="none")).identity.mode is AuthMode.NONE
    assert check(sources(*DEPLOYED, auth="http_basic")).fine


@pytest.mark.parametrize(
    ("flavor", "mode"),
    [
        ("flavor =", AuthMode.NONE),
        ("flavor = cachemanagement", AuthMode.NONE),
        ("", AuthMode.HTTP_BASIC),
        ("[intaglio]\nauth = none", AuthMode.NONE),
        ("flavor = keystone\n[intaglio]\nauth = http_basic", AuthMode.HTTP_BASIC),
        ("flavor = caching\n[intaglio]\nauth = trusted_proxy\ntrusted_proxies = ::1", AuthMode.TRUSTED_PROXY),
    ],
)
def test_a_pipeline_is_a_way_of_authenticating(flavor: str, mode: AuthMode, write: Write, sources: Make) -> None:
    assert load(sources(write(f"[paste_deploy]\n{flavor}\n"))).identity.mode is mode


@pytest.fixture(scope="session")
def sample() -> tuple[str, dict[str, list[dict[str, object]]]]:
    """The sample file of the real Glance, and the definitions it was made from, by group."""
    command = [str(environment("glance") / "oslo-config-generator")]
    command += [word for name in NAMESPACES for word in ("--namespace", name)]
    versions = hashlib.sha256(" ".join(ENVIRONMENTS["glance"]).encode()).hexdigest()[:12]
    kept = CACHE / "glance-options" / versions
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept / "lock"):
        for form, suffix in (("ini", "conf"), ("json", "json")):
            if not (kept / f"sample.{suffix}").exists():
                output = kept / f"new.{suffix}"
                words = ["--format", form, "--output-file", str(output)]
                subprocess.run([*command, *words], check=True, capture_output=True, timeout=100)
                output.rename(kept / f"sample.{suffix}")
    groups = json.loads((kept / "sample.json").read_text(encoding="utf-8"))["options"]
    return (kept / "sample.conf").read_text(encoding="utf-8"), {name: group["opts"] for name, group in groups.items()}


@pytest.mark.real
@pytest.mark.timeout(600)  # the first time Glance is installed
def test_every_option_of_the_generated_sample_is_classified(
    sample: tuple[str, dict[str, list[dict[str, object]]]], write: Write, sources: Make
) -> None:
    text, definitions = sample
    plain = re.sub(r"^#([\w-]+) = <None>$", r"\1 =", text, flags=re.MULTILINE)
    plain = re.sub(r"^#([\w-]+) =", r"\1 =", plain, flags=re.MULTILINE)
    plain = plain.replace("\nenabled_backends =", "\nenabled_backends = file:file, cinder:cinder", 1)
    report = check(sources(write(plain), auth="http_basic"))
    number = sum(len(options) for options in definitions.values())
    assert number > 500
    assert len(report.options) >= number
    unknown = [f"[{row.group}] {row.option}" for row in report.options if row.verdict == "unknown"]
    assert unknown == []


@pytest.mark.real
@pytest.mark.timeout(600)  # the first time Glance is installed
def test_the_tables_agree_with_the_real_definitions(
    sample: tuple[str, dict[str, list[dict[str, object]]]],
) -> None:
    catalogue = Catalogue({"file": "file", "cinder": "cinder"})
    ours = {  # where we differ, on purpose
        ("inject_metadata_properties", "inject"),  # pairs, which there are a mapping
        ("inject_metadata_properties", "ignore_user_roles"),  # a list of one role, which there is a text
        ("file", "filesystem_store_chunk_size"),  # not set means sizes that were measured
        ("glance_store", "filesystem_store_chunk_size"),
        ("file", "filesystem_store_datadirs"),  # empty, not null
        ("glance_store", "filesystem_store_datadirs"),
        ("keystone_authtoken", "http_connect_timeout"),  # with bounds: nobody waits for no time, or less
        ("keystone_authtoken", "http_request_max_retries"),
        ("glance_store", "https_insecure"),  # certificates are checked
        ("glance_store", "http_proxy_information"),  # pairs, which there are a mapping
        ("DEFAULT", "user_storage_quota"),  # a number, which there is a text
        ("oslo_limit", "insecure"),  # not set, which is the same
        ("cors", "allowed_origin"),  # empty, not null
        ("cors", "allow_headers"),  # also those that the calls on images take
        ("cors", "expose_headers"),  # and answer with
        ("task", "task_time_to_live"),  # with a bound: nothing ends before it began
        ("DEFAULT", "image_size_cap"),  # one less: the column is a signed 64-bit number
    }
    missing, different = [], []
    for group, options in sample[1].items():
        if group.startswith("glance.store."):
            continue
        for definition in options:
            found = catalogue.find(group, str(definition["name"]))
            if found is None:
                missing.append((group, definition["name"]))
                continue
            option = found[1]
            if definition["secret"] and not option.secret:
                different.append((group, option.name, "secret"))
            if option.state is not State.USED or (group, option.name) in ours:
                continue
            default = definition["default"]
            default = tuple(default) if isinstance(default, list) else default
            if default != option.default:
                different.append((group, option.name, str(default)))
            if (definition["min"], definition["max"]) != (option.minimum, option.maximum):
                different.append((group, option.name, f"{definition['min']} {definition['max']}"))
    assert (missing, different) == ([], [])


def test_the_examples_are_reported_row_by_row(sources: Make) -> None:
    report = check(sources(*DEPLOYED, auth="http_basic"))
    verdicts = {f"[{row.group}] {row.option}": str(row.verdict) for row in report.options}
    assert verdicts["[fast] filesystem_store_datadir"] == "used"
    assert verdicts["[image_import_opts] image_import_plugins"] == "used"
    assert verdicts["[oslo_policy] enforce_scope"] == "obsolete"
    assert verdicts["[DEFAULT] bind_host"] == "obsolete"
    assert set(verdicts.values()) == {"used", "not-yet", "obsolete"}
    assert not [found for found in configure(sources(*DEPLOYED, auth="none")).warnings if found.code == "store-not-yet"]
