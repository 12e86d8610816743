"""`intaglio policy` as a person or a script meets it."""

import contextlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from intaglio.api.routes import ROUTES
from intaglio.authz.rules import RULES
from intaglio.cli.main import run
from tests.api.wire import PEOPLE, Caller, Target
from tests.starters.intaglio import COMMAND, intaglio

MINE = """\
"publicize_image": "role:member"
"restricted": "not 'gold':%(class)s or role:gold"
"download_image": "rule:context_is_admin or (role:member and rule:restricted)"
"get_imges": "!"
"copy_image": "!"
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "glance-api.conf"
    path.write_text("[DEFAULT]\n")
    (tmp_path / "policy.yaml").write_text(MINE)
    return path


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def policy(*words: str | Path, conf: Path | None = None) -> Done:
    where = () if conf is None else ("--config-file", conf, "--data-dir", conf.parent / "data")
    out, err = io.StringIO(), io.StringIO()
    code: int | str | None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(["policy", *map(str, words), *map(str, where)])
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


def answer(*words: str | Path, conf: Path | None = None) -> Any:
    done = policy(*words, "--format", "json", conf=conf)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_show(conf: Path) -> None:
    done = policy("show", "download_image", "get_images", conf=conf)
    assert done.returncode == 0, done.stderr
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        [
            "download_image",
            "(rule:context_is_admin or (role:member and rule:restricted))",
            f"{conf.parent / 'policy.yaml'}:3",
        ],
        ["get_images", "(rule:context_is_admin or (role:reader and project_id:%(project_id)s))", "default"],
    ]
    rows = {row["rule"]: row for row in answer("show", conf=conf)}
    assert set(rows) == {rule.name for rule in RULES} | {"restricted", "get_imges"}
    assert rows["get_image"]["calls"][0] == "GET /v2/images"
    assert rows["publicize_image"]["default"] == "rule:context_is_admin"
    unknown = policy("show", "get_imagse", conf=conf)
    assert (unknown.returncode, "Did you mean get_image?" in unknown.stderr) == (1, True)


def test_the_sample_changes_nothing_until_a_line_is_uncommented() -> None:
    text = policy("sample").stdout
    assert yaml.safe_load(text) is None
    lines = [line.removeprefix("#") for line in text.splitlines() if line.startswith('#"')]
    assert yaml.safe_load("\n".join(lines)) == {rule.name: rule.check for rule in RULES} == answer("sample")


def test_check_of_files(conf: Path) -> None:
    file = conf.parent / "policy.yaml"
    done = policy("check", conf=conf)
    assert done.returncode == 1
    said = f"warning: {file}:4: rule 'get_imges': nothing asks for it: it is no rule of this service. Did you mean"
    assert done.stdout.startswith(f"{said} get_images?\n")
    assert done.stdout.endswith("Not fine: see above.\n")
    asked = any("copy_image" in route.rules for route in ROUTES)
    assert asked != (f"{file}:5: rule 'copy_image': no call of this release asks it" in done.stdout)
    file.write_text('"get_image": "rule:mine"\n')
    assert answer("check", conf=conf) == {
        "fine": False,
        "problems": [
            {
                "level": "error",
                "code": "undefined-rule",
                "message": "rule 'get_image': it refers to rule:mine, which is not defined.",
                "file": str(file),
                "line": 1,
                "group": None,
                "option": None,
            }
        ],
    }
    checked = subprocess.run(
        [COMMAND, "config", "check", "--config-file", conf], capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.returncode, "it refers to rule:mine" in checked.stdout) == (1, True)
    file.write_text('"get_image": "role:reader"\n')
    done = policy("check", conf=conf)
    assert (done.returncode, done.stdout) == (0, "Nothing is wrong.\n")


def test_check_of_a_caller(conf: Path) -> None:
    found = {row["rule"]: row["passed"] for row in answer("check", "--as", "role:member,project:alpha", conf=conf)}
    assert (found["get_images"], found["publicize_image"], found["tasks_api_access"]) == (True, True, False)
    assert found["get_image"] is None, "it depends on the image"
    seen = answer("check", "get_image", "--as", "role:member,project:alpha", "--target", "project_id=alpha", conf=conf)
    assert [row["passed"] for row in seen] == [True]
    exactly = policy("check", "get_images", "--as", "role:member,project:alpha", "--exactly", conf=conf)
    assert (exactly.returncode, exactly.stdout.split("\t")[1]) == (1, "refuses")
    gold = policy("check", "download_image", "--as", "role:member", "--target", "class=gold", conf=conf)
    assert "not 'gold':%(class)s (it is so); role:gold (the caller's roles: member, reader)" in gold.stdout
    for words in (("--as", "member"), ("--as", "role:a", "--target", "x"), ("--as", "project:a,project:b")):
        bad = policy("check", *words, conf=conf)
        assert (bad.returncode, bad.stdout) == (1, "")
        assert bad.stderr.count("\n") >= 1


def test_explain_without_an_image(conf: Path) -> None:
    found = answer("explain", "GET", "/v2/images/{image_id}/file", "--as", "role:reader,project:a", conf=conf)
    assert (found["verdict"], found["image_id"]) == ("refused", None)
    assert "role:member (the caller's roles: reader)" in found["because"]
    listed = answer("explain", "GET", "/v2.9/images?limit=3", "--as", "role:reader,project:a", conf=conf)
    assert listed["verdict"] == "allowed"
    unsure = answer("explain", "delete", "/v2/images/{image_id}", "--as", "role:member,project:a", conf=conf)
    assert unsure["verdict"] == "depends"
    text = policy("explain", "POST", "/v2/images", "--as", "role:reader,project:a", conf=conf).stdout
    because = "none of these passed: role:admin (the caller's roles: reader); role:member (the caller's roles: reader)"
    assert text.splitlines()[:2] == [
        "POST /v2/images by user None, project a, roles reader",
        f"refused: The rule 'add_image' refuses: {because}.",
    ]
    nowhere = policy("explain", "GET", "/v2/nothing", conf=conf)
    assert (nowhere.returncode, "There is nothing at /v2/nothing" in nowhere.stderr) == (1, True)


def test_explain_of_an_image(tmp_path: Path) -> None:
    with intaglio(tmp_path, users=[PEOPLE[1]], workers=1) as service:
        caller = Caller(Target(service.url), PEOPLE[1])
        image = caller.create(visibility="private")["id"]
        caller.close()

        def verdict(*words: str) -> tuple[str, str]:
            found = answer("explain", *words, "--data-dir", service.data)
            return found["verdict"], found["because"]

        path = f"/v2/images/{image}"
        assert verdict("DELETE", path, "--as", "role:member,project:alpha")[0] == "allowed"
        assert verdict("DELETE", path, "--as", "role:reader,project:alpha")[0] == "refused"
        hidden = "The image is private and of project alpha: others do not know of it."
        assert verdict("GET", path, "--as", "role:member,project:beta") == ("hidden", hidden)
        assert verdict("GET", "/v2/images/{image_id}", "--image", image, "--as", "role:admin")[0] == "allowed"
        assert verdict("GET", "/v2/images/none", "--as", "role:admin") == ("hidden", "No image has this id.")
