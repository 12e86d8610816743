"""`intaglio config check` and `config show` as a person or a script meets them: a real process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.conftest import Write

RUN = """
import sys
from intaglio.cli.config import app
result = app(sys.argv[1:], result_action="return_value")
sys.exit(result)
"""
EXAMPLE = Path(__file__).parent / "examples" / "glance-api.conf"


def config(*words: str | Path, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=kept | {"XDG_DATA_HOME": str(home)} | environment,
    )


def test_check_of_a_good_file(tmp_path: Path) -> None:
    done = config("check", "--config-file", EXAMPLE, "--auth", "http_basic", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert f"{EXAMPLE}:3\t[DEFAULT] bind_host\t0.0.0.0\tobsolete\t" in done.stdout
    assert "not-so-secret" not in done.stdout
    assert done.stdout.endswith(" in 1 files. Nothing is wrong.\n")


def test_check_of_a_bad_file(write: Write, tmp_path: Path) -> None:
    file = write("[DEFAULT]\nimage_size_cpa = 5\nimage_size_cap = none\n")
    done = config("check", "--config-file", file, home=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"error: {file}:3: [DEFAULT] image_size_cap: The value 'none' is not allowed" in done.stdout
    assert f"warning: {file}:2: [DEFAULT] image_size_cpa: There is no such option" in done.stdout


def test_check_as_json(write: Write, tmp_path: Path) -> None:
    file = write("[DEFAULT]\nimage_size_cpa = 5\napi_limit_max = 9\n")
    done = config("check", "--config-file", file, "--format", "json", home=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["fine"], report["files"]) == (False, [str(file)])
    assert [(row["option"], row["verdict"], row["line"]) for row in report["options"]] == [
        ("image_size_cpa", "unknown", 2),
        ("api_limit_max", "used", 3),
    ]
    assert [problem["code"] for problem in report["problems"]] == ["unknown-option"]


def test_show_names_value_and_source(write: Write, tmp_path: Path) -> None:
    file = write("[database]\nconnection = mysql://glance:hunter2@db/glance\n")
    done = config(
        "show", "--config-file", file, "--data-dir", tmp_path / "d", home=tmp_path, OS_DEFAULT__API_LIMIT_MAX="5"
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert rows["[database] connection"] == ["mysql://glance:***@db/glance", f"{file}:2"]
    assert rows["[DEFAULT] api_limit_max"] == ["5", "environment OS_DEFAULT__API_LIMIT_MAX"]
    assert rows["[intaglio] data_dir"] == [str(tmp_path / "d"), "command line --data-dir"]
    assert rows["[glance_store] filesystem_store_datadir"] == [str(tmp_path / "d" / "images"), "default"]
    assert rows["[intaglio] auth"] == ["http_basic", "default"]


def test_show_as_json_and_show_of_a_bad_file(write: Write, tmp_path: Path) -> None:
    done = config("show", "--format", "json", home=tmp_path)
    rows = {(row["group"], row["option"]): row for row in json.loads(done.stdout)}
    assert rows["intaglio", "workers"]["source"] == "default"
    bad = config("show", "--config-file", write("[intaglio]\nworkers = 0\n"), home=tmp_path)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "workers: The value '0' is not allowed: it must be a whole number from 1 to 1024." in bad.stderr


@pytest.mark.parametrize("command", ["check", "show"])
def test_help_does_not_wait_for_the_configuration(command: str, tmp_path: Path) -> None:
    code = RUN.replace("sys.exit(result)", "assert 'oslo_config' not in sys.modules")
    done = subprocess.run(
        [sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--config-file" in done.stdout
