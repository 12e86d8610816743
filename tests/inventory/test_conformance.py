"""`intaglio store check --conformance`: the suite on stores in use, beside their objects."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.starters.intaglio import COMMAND

CONF = """\
[DEFAULT]
enabled_backends = well:file,gone:file
[glance_store]
default_backend = well
[well]
filesystem_store_datadir = {home}/well
[gone]
filesystem_store_datadir = {home}/gone
[intaglio]
data_dir = {home}/data
auth = none
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_store_in_use_and_one_that_is_gone(tmp_path: Path) -> None:
    """All passes and nothing but the store's own object is left; of the other it is said that it does not work."""
    (tmp_path / "well").mkdir()
    (tmp_path / "well" / "d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b").write_bytes(b"image")
    conf = tmp_path / "conf"
    conf.write_text(CONF.format(home=tmp_path))
    command = [str(COMMAND), "store", "check", "--conformance", "--config-file", str(conf), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    scores = json.loads(done.stdout)
    assert list(scores["gone"]) == ["works"]
    assert "directory" in scores["gone"]["works"]["failed"][0]
    well = scores["well"]
    assert len(well) > 25
    assert [name for name, score in well.items() if score["failed"]] == []
    assert well["test_what_is_put_comes_back"]["passed"] == 7
    files = [path.name for path in (tmp_path / "well").rglob("*") if path.is_file()]
    assert files == ["d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b"]
