"""The real Cinder 29 (API, scheduler, volume service with the RBD driver) on free ports of 127.0.0.1.

with cinder(directory, cluster, identity, image_url="http://127.0.0.1:9292") as volumes:
    requests to volumes.url + "/" + project id ...; its volumes are images in the pool volumes.pool

It needs MariaDB and RabbitMQ, which it starts, a Ceph, and a Keystone, in whose catalogue it stands in a region of its
own.
"""

import contextlib
import dataclasses
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.starters import keystone_people
from tests.starters.base import Missing, debian, free_port, process, wait_until
from tests.starters.ceph import USER, Ceph, bind
from tests.starters.environments import environment
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.mariadb import mariadb
from tests.starters.rabbitmq import rabbitmq

PLAIN, SHARED = "plain", "shared"
"""Two volume types: the default one, and one whose volumes several may have attached at once."""

_KEYRINGS = Path("/etc/ceph")  # os-brick looks for a user's key nowhere else


@dataclasses.dataclass
class Cinder:
    """A running Cinder."""

    directory: Path
    port: int
    region: str
    pool: str
    cluster_name: str

    @property
    def url(self) -> str:
        """The address of its API, without the project."""
        return f"http://127.0.0.1:{self.port}/v3"

    def options(self, identity: Keystone, **others: object) -> dict[str, object]:
        """What an operator of an image service writes for a store in this Cinder."""
        return {
            "cinder_catalog_info": "block-storage::publicURL",
            "cinder_os_region_name": self.region,
            "cinder_store_auth_address": identity.url,
            "cinder_store_user_name": "glance",
            "cinder_store_password": PASSWORD,
            "cinder_store_project_name": "service",
            **others,
        }


def _environment(binaries: Path) -> dict[str, str]:
    path = f"{binaries}:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"}


def _configuration(
    volumes: Cinder, cluster: Ceph, identity: Keystone, database: str, transport: str, image_url: str, extra: str
) -> str:
    own, binaries = volumes.directory, environment("cinder")
    login = f"""auth_type = password
auth_url = {identity.url}
username = nova
password = {PASSWORD}
project_name = service
user_domain_name = Default
project_domain_name = Default
"""
    helper = f"helper_command = {binaries}/privsep-helper --config-file {own}/cinder.conf"
    images = f"glance_api_servers = {image_url}" if image_url else "glance_catalog_info = image:image:publicURL"
    return f"""[DEFAULT]
debug = false
state_path = {own}/state
auth_strategy = keystone
api_paste_config = {binaries.parent}/etc/cinder/api-paste.ini
resource_query_filters_file = {binaries.parent}/etc/cinder/resource_filters.json
rootwrap_config = {binaries.parent}/etc/cinder/rootwrap.conf
transport_url = {transport}
enabled_backends = ceph
default_volume_type = {PLAIN}
{images}
allowed_direct_url_schemes = cinder
image_conversion_dir = {own}/conversion
my_ip = 127.0.0.1
host = tests
quota_volumes = -1
quota_gigabytes = -1
quota_snapshots = -1
periodic_interval = 5
report_interval = 5
[database]
connection = {database}
[oslo_concurrency]
lock_path = {own}/locks
[oslo_messaging_rabbit]
heartbeat_in_pthread = false
[coordination]
backend_url = file://{own}/state
[key_manager]
backend = cinder.keymgr.conf_key_mgr.ConfKeyManager
fixed_key = 1234567890123456789012345678901234567890123456789012345678901234
[privsep]
{helper}
[cinder_sys_admin]
{helper}
[privsep_osbrick]
{helper}
[keystone_authtoken]
www_authenticate_uri = {identity.url}
service_token_roles = service
service_token_roles_required = true
{login}
[service_user]
send_service_user_token = true
{login}
[glance]
{login}
[ceph]
volume_backend_name = ceph
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_pool = {volumes.pool}
rbd_user = {USER}
rbd_ceph_conf = {cluster.conf}
rbd_cluster_name = {volumes.cluster_name}
rbd_flatten_volume_from_snapshot = false
rados_connect_timeout = 10
report_discard_supported = true
{extra}
"""


def _uwsgi(volumes: Cinder, binaries: Path) -> str:
    return f"""[uwsgi]
http-socket = 127.0.0.1:{volumes.port}
module = cinder.wsgi.api:application
pyargv = --config-file {volumes.directory}/cinder.conf
virtualenv = {binaries.parent}
need-app = true
master = true
lazy-apps = true
processes = 1
threads = 8
enable-threads = true
die-on-term = true
add-header = Connection: close
buffer-size = 65535
disable-logging = true
"""


def _sync(volumes: Cinder, binaries: Path) -> None:
    command = [str(binaries / "cinder-manage"), "--config-file", f"{volumes.directory}/cinder.conf", "db", "sync"]
    done = subprocess.run(command, env=_environment(binaries), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Cinder: cinder-manage db sync failed: {done.stderr[-2000:]}")


def _serves(volumes: Cinder, project_id: str, token: str) -> bool:
    """Whether scheduler and volume service have both reported."""
    try:
        answer = httpx.get(
            f"{volumes.url}/{project_id}/os-services", headers={"X-Auth-Token": token}, timeout=10, trust_env=False
        )
    except httpx.TransportError:
        return False
    if answer.status_code != httpx.codes.OK:
        return False
    up = {each["binary"] for each in answer.json()["services"] if each["state"] == "up"}
    return up >= {"cinder-scheduler", "cinder-volume"}


def _make_types(volumes: Cinder, project_id: str, token: str) -> None:
    with keystone_people.caller(f"{volumes.url}/{project_id}", token) as call:
        for name, specs in ((PLAIN, {}), (SHARED, {"multiattach": "<is> True"})):
            call("POST", "/types", {"volume_type": {"name": name, "extra_specs": specs}})


@contextlib.contextmanager
def _key(cluster: Ceph, name: str) -> Iterator[None]:
    """The user's key where os-brick looks for it, for a cluster of that name."""
    _KEYRINGS.mkdir(exist_ok=True)
    place = _KEYRINGS / f"{name}.client.{USER}.keyring"
    place.write_text(cluster.run("ceph", "auth", "get", f"client.{USER}"))
    place.chmod(0o600)
    try:
        yield
    finally:
        place.unlink()


def _register(identity: Keystone, port: int, region: str) -> None:
    with keystone_people.caller(identity.url, identity.token("admin", project="admin")) as call:
        call("POST", "/regions", {"region": {"id": region}})
        found = call("GET", "/services?type=block-storage")["services"]
        service = found[0] if found else call("POST", "/services", _SERVICE)["service"]
        # With the role service alone Cinder lets nobody make volumes; and who asks for locations has to see the images.
        for user, role in (("glance", "member"), ("nova", "admin")):
            grant = f"/projects/{identity.ids['project/service']}/users/{identity.ids[f'user/{user}']}/roles"
            call("PUT", f"{grant}/{identity.ids[f'role/{role}']}")
        url = f"http://127.0.0.1:{port}/v3/$(project_id)s"
        keystone_people.add_endpoints(call, service["id"], region, url)


_SERVICE = {"service": {"type": "block-storage", "name": "cinder"}}


@contextlib.contextmanager
def cinder(
    directory: Path, cluster: Ceph, identity: Keystone, *, image_url: str = "", conf: str = ""
) -> Iterator[Cinder]:
    """A Cinder of its own under `directory` until the block ends. Raises `Missing`.

    `image_url`: the image service it reads from and writes to; the catalogue's when empty. `conf`: more text for
    cinder.conf, starting with a section head.
    """
    debian(["gcc", "libc6-dev"], "Cinder (uWSGI is compiled)", provides=["cc"])
    debian(["qemu-utils", "qemu-block-extra"], "Cinder (it converts images)", provides=["qemu-img"])
    binaries = environment("cinder")
    bind(binaries / "python")
    directory = directory.resolve()
    for name in ("state", "locks", "conversion"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    name = f"intaglio-test-{uuid.uuid4().hex[:12]}"
    volumes = Cinder(directory, free_port(), f"region-{name}", cluster.make_pool(f"volumes-{name}"), name)
    configuration = directory / "cinder.conf"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_key(cluster, name))
        server = stack.enter_context(mariadb())
        transport = stack.enter_context(rabbitmq(directory / "rabbitmq"))
        database = server.create("cinder")
        configuration.write_text(_configuration(volumes, cluster, identity, database, transport, image_url, conf))
        (directory / "uwsgi.ini").write_text(_uwsgi(volumes, binaries))
        _register(identity, volumes.port, volumes.region)
        _sync(volumes, binaries)
        _start(volumes, binaries, stack)
        token = identity.token("admin", project="admin")
        project_id = identity.ids["project/admin"]
        wait_until(lambda: _serves(volumes, project_id, token), "Cinder", seconds=180)
        _make_types(volumes, project_id, token)
        yield volumes


def _start(volumes: Cinder, binaries: Path, stack: contextlib.ExitStack) -> None:
    own = volumes.directory
    programs = [
        ["uwsgi", "--ini", f"{own}/uwsgi.ini"],
        *([f"cinder-{name}", "--config-file", f"{own}/cinder.conf"] for name in ("scheduler", "volume")),
    ]
    for name, *words in programs:
        program = process([binaries / name, *words], log=own / f"{name}.log", cwd=own, env=_environment(binaries))
        stack.enter_context(program)
