"""What `intaglio serve` prints once it is ready: where everything is, and commands to paste."""

import os
import shlex
from pathlib import Path

import msgspec

from intaglio.bootstrap.clouds import CLOUD
from intaglio.identity.settings import AuthMode


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """The facts to be told. `password` is set only at the start that made it."""

    url: str
    data_dir: Path
    clouds_file: Path
    mode: AuthMode
    username: str | None
    password: str | None
    kept: bool = True  # the clouds file holds the user's password
    identity: str | None = None  # Keystone's address

    def __repr__(self) -> str:
        return f"Greeting({self.url!r})"

    def text(self) -> str:
        lines = [f"Intaglio is ready at {self.url}", "", f"  data       {self.data_dir}", *self._login(), ""]
        lines += self._client()
        lines += [
            f"  kill {os.getpid()}    (or Ctrl-C here; transfers that run may finish, a second one stops at once)",
            "",
        ]
        return "\n".join(lines)

    def _client(self) -> list[str]:
        if self.mode is AuthMode.TRUSTED_PROXY:
            return []
        if self.mode is AuthMode.KEYSTONE:
            return [
                "Clients find it by Keystone's catalogue, once an endpoint of the service type image is there:",
                f"  openstack endpoint create --region REGION image public {self.url}",
                "",
                "Then, for example:",
                "  openstack image list",
                f'  curl -H "X-Auth-Token: $(openstack token issue -f value -c id)" {self.url}/v2/images',
            ]
        return [
            "Point the OpenStack clients of a terminal at it:",
            f"  export OS_CLIENT_CONFIG_FILE={shlex.quote(str(self.clouds_file))}",
            "",
            "Then, for example:",
            f"  openstack --os-cloud {CLOUD} image list",
            f"  {self._curl()}",
        ]

    def _login(self) -> list[str]:
        if self.mode is AuthMode.KEYSTONE:
            return [f"  login      keystone: tokens of {self.identity}"]
        if self.mode is AuthMode.TRUSTED_PROXY:
            return ["  login      trusted_proxy: the proxies in front say who is asking"]
        if self.mode is AuthMode.NONE:
            return ["  login      none: everyone who can connect is an admin"]
        reset = f"intaglio user passwd {self.username or 'NAME'} --data-dir {shlex.quote(str(self.data_dir))}"
        user = f"  user       {self.username or 'see `intaglio user list`'}"
        if self.password is not None:
            return [user, f"  password   {self.password}    (shown only this once; clouds.yaml keeps it)"]
        where = f"in {self.clouds_file}" if self.kept else "as you set it"
        return [user, f"  password   {where}; to set a new one: {reset}"]

    def _curl(self) -> str:
        target = f"{self.url}/v2/images"
        if self.mode is AuthMode.NONE:
            return f"curl {target}"
        login = self.username or "NAME"
        return f"curl -u {shlex.quote(f'{login}:{self.password}' if self.password else login)} {target}"
