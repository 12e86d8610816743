"""The first start prepares and tells everything; later ones keep it; what keeps it from starting is said in a line."""

import base64
import os
import re
import socket
from pathlib import Path

import msgspec
import pytest

from tests.serve.service import Service, intaglio, service


def login(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def cloud(running: Service) -> dict[str, object]:
    document = msgspec.yaml.decode((running.data_dir / "clouds.yaml").read_bytes())
    found = document["clouds"]["intaglio"]
    assert isinstance(found, dict)
    return found


def test_first_start_makes_and_tells_everything(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        text = running.output
        password = running.wait_for(r"password +(\S+)").group(1)
        assert str(running.data_dir) in text
        assert re.search(r"user +admin", text)
        for promised in (
            f"export OS_CLIENT_CONFIG_FILE={running.data_dir}/clouds.yaml",
            "openstack --os-cloud intaglio image list",
            f"curl -u admin:{password} http://127.0.0.1:{running.port}/v2/images",
            f"kill {running.process.pid}",
        ):
            assert promised in text
        assert running.get("/v2/images", login("admin", password))[0] == 200
        assert running.get("/v2/images", login("admin", "wrong"))[0] == 401
        assert cloud(running) == {
            "auth_type": "http_basic",
            "auth": {"endpoint": f"http://127.0.0.1:{running.port}", "username": "admin", "password": password},
            "image_endpoint_override": f"http://127.0.0.1:{running.port}",
        }
        modes = {path.name: path.stat().st_mode & 0o777 for path in running.data_dir.iterdir()}
        assert running.data_dir.stat().st_mode & 0o777 == 0o700
        assert modes["clouds.yaml"] == modes["users"] == 0o600
        assert modes["images"] == 0o700


def test_later_starts_keep_user_and_data_and_follow_the_port(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        password = running.wait_for(r"password +(\S+)").group(1)
        kept = (running.data_dir / "users").read_text()
        (running.data_dir / "images" / "image").write_text("bytes")
    with service(tmp_path) as running:
        running.wait_ready()
        assert password not in running.output
        assert f"intaglio user passwd admin --data-dir {running.data_dir}" in running.output
        assert running.get("/v2/images", login("admin", password))[0] == 200
        assert (running.data_dir / "users").read_text() == kept
        assert (running.data_dir / "images" / "image").read_text() == "bytes"
        assert cloud(running)["image_endpoint_override"] == f"http://127.0.0.1:{running.port}"


def test_other_clouds_in_the_file_stay(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    other = {"clouds": {"other": {"auth": {"auth_url": "http://example.org"}}}}
    (tmp_path / "data" / "clouds.yaml").write_bytes(msgspec.yaml.encode(other))
    with service(tmp_path) as running:
        running.wait_ready()
        document = msgspec.yaml.decode((running.data_dir / "clouds.yaml").read_bytes())
        assert document["clouds"]["other"] == other["clouds"]["other"]
        assert document["clouds"]["intaglio"]["auth_type"] == "http_basic"


def test_without_authentication_and_back(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        password = running.wait_for(r"password +(\S+)").group(1)
    with service(tmp_path, "--auth", "none") as running:
        running.wait_ready()
        endpoint = f"http://127.0.0.1:{running.port}"
        assert cloud(running) == {
            "auth_type": "none", "auth": {"endpoint": endpoint}, "image_endpoint_override": endpoint,
        }  # fmt: skip
        assert running.get("/v2/images")[0] == 200
        assert f"  curl {endpoint}/v2/images" in running.output
    with service(tmp_path) as running:
        running.wait_ready()
        assert cloud(running)["auth"] == {
            "endpoint": f"http://127.0.0.1:{running.port}", "username": "admin", "password": password,
        }  # fmt: skip
        assert running.get("/v2/images")[0] == 401


def test_a_new_password_reaches_the_running_service_and_the_clients(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        old = running.wait_for(r"password +(\S+)").group(1)
        assert running.get("/v2/images", login("admin", old))[0] == 200
        done = intaglio("user", "passwd", "admin", "--generate", "--data-dir", str(running.data_dir))
        assert done.returncode == 0, done.stderr
        new = done.stdout.rpartition("Password: ")[2].strip()
        assert running.get("/v2/images", login("admin", new))[0] == 200
        assert running.get("/v2/images", login("admin", old))[0] == 401
        auth = cloud(running)["auth"]
        assert isinstance(auth, dict)
        assert auth["password"] == new


def test_port_in_use_names_who_and_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = intaglio("serve", "--bind", f"127.0.0.1:{port}", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert f"Port {port} is in use by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert f"make run PORT={port + 1}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_second_service_on_the_data_directory_is_refused(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.wait_ready()
        done = intaglio("serve", "--bind", "127.0.0.1:0", "--data-dir", str(running.data_dir))
        assert done.returncode == 1
        assert f"(pid {running.process.pid})" in done.stderr
        assert running.get("/pid")[0] == 200


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--bind", "0.0.0.0:0", "--auth", "none"], 1, "Without authentication"),
        (["--bind", "here"], 1, "'here' is not an address"),
        (["--bind", "127.0.0.1:66000"], 1, "port up to 65535"),
        (["--bind", "::1:80"], 1, "in brackets"),
        (["--bind", "192.0.2.1:0"], 1, "not an address of this machine"),
        (["--auth", "kerberos"], 2, "http_basic"),
        (["--workers", "0"], 2, "--workers"),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_what_cannot_be_is_one_line_and_an_exit_code(tmp_path: Path, options: list[str], code: int, said: str) -> None:
    bind = [] if "--bind" in options else ["--bind", "127.0.0.1:0"]
    done = intaglio("serve", *bind, *options, "--data-dir", str(tmp_path / "data"))
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.startswith("intaglio: ")
    assert done.stderr.count("\n") == 1


def test_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    done = intaglio("serve", "--bind", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "not a directory" in done.stderr or "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("failure", "said"), [("factory", "store is away"), ("lifespan", "database is away")])
def test_api_that_cannot_start_ends_the_service_with_its_reason(tmp_path: Path, failure: str, said: str) -> None:
    with service(tmp_path, STUB_FAILS=failure) as running:
        assert running.stopped() == 1
        assert said in running.output
        assert "could not start" in running.output
        assert "ready at" not in running.output


def test_none_anywhere_when_forced(tmp_path: Path) -> None:
    with service(tmp_path, "--bind", "0.0.0.0:0", "--auth", "none", "--force") as running:
        running.wait_for(r"ready at http://127\.0\.0\.1:\d+")
