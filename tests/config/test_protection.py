"""The file of property protections at a start, and in `intaglio config check`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.load import load
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.sources import Sources
from tests.authz.test_property_rules import section
from tests.config.conftest import Write
from tests.config.test_commands import config

Make = Callable[..., Sources]


def option(file: str | Path, more: str = "") -> str:
    return f"[DEFAULT]\n{more}property_protection_file = {file}\n"


@pytest.mark.parametrize("named", ["protections.conf", "{directory}/protections.conf"])
def test_found(named: str, write: Write, sources: Make) -> None:
    file = write(section("x"), "protections.conf")
    conf = write(option(named.format(directory=file.parent)))
    assert load(sources(conf)).policy.property_protection_file == file


@pytest.mark.parametrize("text", ["", "[DEFAULT]\nproperty_protection_file =\n"])
def test_none(text: str, write: Write, sources: Make) -> None:
    assert load(sources(write(text))).policy.property_protection_file is None


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("[^x]\ncreate = @\n", "", "section [^x]: 'read' is missing"),
        (section("("), "", "section [(]: it is not a regular expression"),
        (section("x", read="@,!"), "", "exclude each other"),
        (
            section("x", read="nothing"),
            "property_protection_rule_format = policies\n",
            "section [x]: read = nothing: there is no policy rule of this name",
        ),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(
    text: str, more: str, reason: str, write: Write, sources: Make
) -> None:
    file = write(text, "protections.conf")
    with pytest.raises(ConfigInvalid) as caught:
        load(sources(write(option(file, more))))
    [problem] = caught.value.problems
    assert (problem.code, problem.option) == ("protection-invalid", "property_protection_file")
    assert str(file) in problem.message
    assert reason in problem.message


def test_a_file_that_is_not_there_stops_the_start(write: Write, sources: Make) -> None:
    with pytest.raises(ConfigInvalid, match=r"There is no file 'absent.conf'"):
        load(sources(write(option("absent.conf"))))


def test_a_format_that_is_none_stops_the_start(write: Write, sources: Make) -> None:
    file = write(section("x"), "protections.conf")
    with pytest.raises(ConfigInvalid, match="must be one of roles, policies"):
        load(sources(write(option(file, "property_protection_rule_format = Roles\n"))))


def test_check(write: Write, tmp_path: Path) -> None:
    text = section("^bill", update="billing") + section("^bill_", read="admin") + section("x")
    protections = write(text, "protections.conf")
    file = write(option("protections.conf"))
    done = config("check", "--config-file", file, "--property", "bill_to", "--property", "other", home=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert "[^bill]\tbilling\tyes\tyes\tyes\tyes\t" in lines
    assert "[^bill]\tadmin\tyes\tyes\tno\tyes\t" in lines
    assert "[^bill_]\tany other role\tyes\tno\tyes\tyes\tnever used" in lines
    assert "whatever no section matches\tevery role\tno\tno\tno\tno\t" in lines
    assert "bill_to\tadmin\tyes\tyes\tno\tyes\t[^bill] decides" in lines
    assert "other\tadmin\tno\tno\tno\tno\tno section decides" in lines
    assert f"{protections}: Section [^bill_] is never used: [^bill] stands before it" in done.stdout


def test_check_of_a_good_file_as_json(write: Write, tmp_path: Path) -> None:
    protections = write(section("^bill", update="default", delete="!"), "protections.conf")
    file = write(option(protections, "property_protection_rule_format = policies\n"))
    done = config("check", "--config-file", file, "--property", "bill", "--format", "json", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)["property_protection"]
    assert (report["file"], report["format"]) == (str(protections), "policies")
    [verdict] = report["sections"]
    assert (verdict["section"], verdict["never_used"]) == ("^bill", None)
    assert {"role": "member", "allowed": ["create", "read", "update"]} in verdict["roles"]
    assert report["properties"] == [{"property": "bill", "section": "^bill", "roles": verdict["roles"]}]


def test_rules_that_only_protections_ask_are_known(write: Write, tmp_path: Path) -> None:
    write('"clerks": "role:clerk or rule:auditors"\n"auditors": "role:auditor"\n', "policy.yaml")
    write(section("^bill", read="clerks"), "protections.conf")
    file = write(option("protections.conf", "property_protection_rule_format = policies\n"))
    done = config("check", "--config-file", file, "--format", "json", home=tmp_path)
    report = json.loads(done.stdout)
    assert (done.returncode, report["problems"]) == (0, [])
    may_read = {
        each["role"]: "read" in each["allowed"] for each in report["property_protection"]["sections"][0]["roles"]
    }
    assert may_read == {
        "admin": False,
        "member": False,
        "reader": False,
        "service": False,
        "auditor": True,
        "clerk": True,
        "any other role": False,
    }


def test_a_rule_that_protections_need_and_policy_files_lack(write: Write, sources: Make) -> None:
    write(section("^bill", read="clerks"), "protections.conf")
    file = write(option("protections.conf", "property_protection_rule_format = policies\n"))
    with pytest.raises(ConfigInvalid, match="there is no policy rule of this name"):
        load(sources(file))
    write('"clerks": "role:clerk"\n', "policy.yaml")
    assert load(sources(file)).policy.property_protection_file is not None
