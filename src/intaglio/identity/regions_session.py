"""Asks Keystone for the catalogue of a user. Imports keystoneauth1, as `keystone_session` does: imported by name."""

import asyncio
import logging

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from intaglio.identity.keystone import KeystoneFailed
from intaglio.identity.keystone_session import login_plugin
from intaglio.identity.regions import RegionUnknown, find
from intaglio.identity.settings import KeystoneSettings

_log = logging.getLogger(__name__)


class KeystoneRegions:
    """See `identity.regions.Regions`."""

    def __init__(self, settings: KeystoneSettings) -> None:
        verify = False if settings.insecure else settings.cafile or True
        session = Session(verify=verify, timeout=settings.http_connect_timeout, user_agent="intaglio")
        self._adapter = Adapter(
            session,
            auth=login_plugin("keystone_authtoken", settings.auth_type, settings.login),
            service_type="identity",
            interface=settings.interface,
            region_name=settings.region_name,
            min_version="3",
            max_version="3.latest",
        )

    async def endpoint(self, token: str, region: str, interface: str) -> str:
        """As the protocol says; the question is asked in a thread."""
        return await asyncio.to_thread(self._ask, token, region, interface)

    def _ask(self, token: str, region: str, interface: str) -> str:
        try:
            answer = self._adapter.get("/auth/catalog", headers={"X-Auth-Token": token}, authenticated=False, log=False)
            return find(answer.content, region, interface)
        except exceptions.Unauthorized as error:
            raise RegionUnknown("The token that asked for the import is not valid any more.") from error
        except (exceptions.ClientException, ValueError, OSError) as error:
            _log.error("cannot read a user's catalogue at Keystone: %s: %s", type(error).__name__, error)
            raise KeystoneFailed("The identity service (Keystone) does not say where regions are.") from error
