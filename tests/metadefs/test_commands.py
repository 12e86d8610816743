"""`intaglio metadef`: what each mode does, that doing it again does nothing, and files that are wrong."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.starters.intaglio import COMMAND

Json = dict[str, Any]

ONE: Json = {
    "namespace": "Our::Things",
    "display_name": "Things",
    "visibility": "public",
    "protected": True,
    "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "our_"}],
    "properties": {"a": {"title": "A", "type": "integer", "default": 5}, "b": {"title": "B", "type": "string"}},
    "objects": [
        {"name": "o", "description": "d", "required": ["x"], "properties": {"x": {"title": "X", "type": "string"}}}
    ],
    "tags": [{"name": "t"}],
}


class Catalogue:
    """A database of its own, a directory of files, and the commands on both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.files = home / "files"
        self.files.mkdir()
        self.run("db", "upgrade", as_json=False)

    def write(self, document: object, name: str = "one.json") -> Path:
        (self.files / name).write_text(document if isinstance(document, str) else json.dumps(document))
        return self.files / name

    def run(self, *words: str | Path, status: int = 0, as_json: bool = True) -> Any:
        done = self.try_(*words, *(("--format", "json") if as_json else ()))
        assert done.returncode == status, done.stderr + done.stdout
        return json.loads(done.stdout) if as_json else done.stdout

    def refused(self, *words: str | Path) -> str:
        done = self.try_(*words)
        assert done.returncode in {1, 2}, done.stdout
        return done.stderr

    def try_(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [COMMAND, *words, "--data-dir", self.home / "data"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)

    def load(self, mode: str = "skip") -> Json:
        """Load the one file; what happened."""
        report = self.run("metadef", "load", self.files, "--mode", mode)
        assert len(report) == 1
        return dict(report[0])

    def exported(self) -> Json:
        """What the one namespace is now."""
        self.run("metadef", "export", self.home / "out")
        (file,) = (self.home / "out").glob("*.json")
        return dict(json.loads(file.read_text()))


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


def test_load_export_diff_unload(catalogue: Catalogue) -> None:
    catalogue.write(ONE)
    whole = ["resource type OS::Glance::Image", "property a", "property b", "object o", "tag t"]
    created = {"namespace": "Our::Things", "outcome": "created", "added": whole, "changed": [], "removed": []}
    assert catalogue.run("metadef", "diff", catalogue.files, status=1) == [created]
    assert catalogue.load() == created
    assert catalogue.run("metadef", "diff", catalogue.files) == []
    assert catalogue.load()["outcome"] == "skipped"
    assert catalogue.exported() == ONE
    (again,) = catalogue.run("metadef", "export", catalogue.home / "out")
    assert again["written"] is False
    (gone,) = catalogue.run("metadef", "unload", catalogue.files)
    assert (gone["outcome"], gone["removed"]) == ("removed", whole)
    assert catalogue.run("metadef", "unload", "--all") == []


def test_what_each_mode_does(catalogue: Catalogue) -> None:
    catalogue.write(ONE)
    catalogue.load()
    newer = json.loads(json.dumps(ONE)) | {"display_name": "Newer", "tags": [{"name": "u"}]}
    newer["properties"] = {"a": {"title": "A", "type": "string"}, "c": {"title": "C", "type": "string"}}
    newer["resource_type_associations"][0]["prefix"] = "new_"
    catalogue.write(newer)

    report = catalogue.load("merge")
    assert (report["added"], report["changed"], report["removed"]) == (["property c", "tag u"], [], [])
    assert catalogue.load("merge")["outcome"] == "unchanged"
    now = catalogue.exported()
    assert (now["display_name"], now["properties"]["a"]["type"]) == ("Things", "integer")

    report = catalogue.load("prefer-new")
    assert report["changed"] == ["field display_name", "resource type OS::Glance::Image", "property a"]
    assert (report["added"], report["removed"]) == ([], [])
    assert catalogue.load("prefer-new")["outcome"] == "unchanged"
    now = catalogue.exported()
    assert (now["display_name"], sorted(now["properties"]), now["tags"]) == (
        "Newer", ["a", "b", "c"], [{"name": "t"}, {"name": "u"}],
    )  # fmt: skip

    report = catalogue.load("overwrite")
    assert report["removed"] == ["property b", "tag t"]
    assert catalogue.load("overwrite")["outcome"] == "unchanged"
    assert catalogue.exported() == newer


def test_what_comes_with_the_service(catalogue: Catalogue, tmp_path: Path) -> None:
    report = catalogue.run("metadef", "load")
    assert {each["outcome"] for each in report} == {"created"}
    assert {"OS::Compute::Watchdog", "SCS::Image", "OS::Glance::OperatingSystem"} <= {
        each["namespace"] for each in report
    }
    assert catalogue.run("metadef", "diff") == []
    catalogue.run("metadef", "export", tmp_path / "out")
    assert catalogue.run("metadef", "diff", tmp_path / "out") == []
    assert len(list((tmp_path / "out").iterdir())) == len(report)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ("{}", "'namespace' must be a string; it is missing"),
        ('{"namespace": "a/b"}', "becomes part of a path"),
        ('{"namespace": "n", "properties": {"p": {"type": "string"}}}', "'p' needs a 'title'"),
        ('{"namespace": "n", "unknown": 1}', "unknown field 'unknown'"),
        ('{"namespace": "Our::Things"}', "both define 'Our::Things'"),
    ],
)
def test_one_wrong_file_and_nothing_is_loaded(catalogue: Catalogue, text: str, said: str) -> None:
    catalogue.write(ONE)
    catalogue.write(text, "two.json")
    error = catalogue.refused("metadef", "load", catalogue.files)
    assert said in error
    assert "two.json" in error
    assert catalogue.run("metadef", "diff", catalogue.files / "one.json", status=1)[0]["outcome"] == "created"


def test_usage(catalogue: Catalogue, tmp_path: Path) -> None:
    assert "no *.json files" in catalogue.refused("metadef", "load", catalogue.files)
    assert "no file" in catalogue.refused("metadef", "load", tmp_path / "absent.json")
    assert "--all" in catalogue.refused("metadef", "unload")
    assert "--all" in catalogue.refused("metadef", "unload", catalogue.files, "--all")
    assert "metadata_source_path" in catalogue.refused("metadef", "export")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in catalogue.refused("metadef", "export", tmp_path / "file")


def test_words_for_people(catalogue: Catalogue) -> None:
    catalogue.write(ONE)
    assert "created    Our::Things" in catalogue.run("metadef", "load", catalogue.files, as_json=False)
    catalogue.write(ONE | {"tags": []})
    text = catalogue.run("metadef", "load", catalogue.files, "--mode", "overwrite", as_json=False)
    assert text == "changed    Our::Things\n           - tag t\n1 changed\n"
