"""Only who is configured to ask Keystone pays for its libraries at the start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.wiring import make_authenticator

async def main():
    data, conf, auth = sys.argv[1:]
    settings = load(Sources(files=(Path(conf),), directories=(), overrides={"data_dir": data, "auth": auth}))
    await make_authenticator(settings).close()

asyncio.run(main())
print(json.dumps([name for name in ("keystoneauth1", "requests", "oslo_context") if name in sys.modules]))
"""


@pytest.mark.parametrize(("auth", "needed"), [("none", False), ("trusted_proxy", False), ("keystone", True)])
def test_keystone_is_imported_where_it_is_asked(auth: str, needed: bool, tmp_path: Path) -> None:
    conf = tmp_path / "operator.conf"
    login = "auth_type = password\nauth_url = http://127.0.0.1:1\nusername = u\npassword = p\n"
    conf.write_text(f"[intaglio]\ntrusted_proxies = 127.0.0.1\n[keystone_authtoken]\n{login}")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(conf), auth]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    assert ("keystoneauth1" in found) is needed


def test_what_fetches_is_not_imported_before_there_is_something_to_fetch() -> None:
    asked = (
        "import sys, intaglio.bootstrap.wiring; print([name for name in ('aiohttp', 'yarl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
