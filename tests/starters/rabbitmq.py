"""A private RabbitMQ from Debian's package, with an Erlang port mapper of its own, on free ports of 127.0.0.1."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import debian, free_port, listening, process, wait_until

USER, PASSWORD = "openstack", "secret-of-tests"
_HOME = Path("/usr/lib/rabbitmq/lib")


def _configure(directory: Path, port: int) -> None:
    (directory / "rabbitmq.conf").write_text(f"""listeners.tcp.1 = 127.0.0.1:{port}
default_user = {USER}
default_pass = {PASSWORD}
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
""")
    (directory / "advanced.config").write_text("[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n")
    (directory / "enabled_plugins").write_text("[].\n")
    cookie = directory / ".erlang.cookie"
    cookie.write_text(uuid.uuid4().hex)
    cookie.chmod(0o400)


def _environment(directory: Path, port: int, mapper: int) -> dict[str, str]:
    [programs] = _HOME.glob("rabbitmq_server-*/sbin")
    return {
        "PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(directory),
        "RABBITMQ_NODENAME": f"rabbit-{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
        "RABBITMQ_ADVANCED_CONFIG_FILE": f"{directory}/advanced.config",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_PID_FILE": f"{directory}/rabbit.pid",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }


@contextlib.contextmanager
def rabbitmq(directory: Path) -> Iterator[str]:
    """A running server until the block ends; its transport URL as OpenStack writes it. Raises `Missing`."""
    debian(["rabbitmq-server"], "RabbitMQ", provides=[str(_HOME), "epmd"])
    directory.mkdir(parents=True, exist_ok=True)
    port, mapper = free_port(), free_port()
    _configure(directory, port)
    environment = _environment(directory, port, mapper)
    with (
        process(["epmd"], log=directory / "epmd.log", env=environment),
        process(["rabbitmq-server"], log=directory / "rabbit.log", env=environment),
    ):
        # its port answers before the user is there, the pid is written after
        wait_until(lambda: (directory / "rabbit.pid").exists() and listening(port), "RabbitMQ", seconds=120)
        yield f"rabbit://{USER}:{PASSWORD}@127.0.0.1:{port}/"
