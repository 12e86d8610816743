"""Asks Keystone about tokens, as the service user of `[keystone_authtoken]`. Blocking: it is called in threads.

Importing this module imports keystoneauth1 and requests, which takes half a second: it is imported by name where the
mode is `keystone`, and nowhere else.
"""

import contextlib
import json
import logging
from collections.abc import Mapping
from importlib.metadata import entry_points

from keystoneauth1 import exceptions, loading
from keystoneauth1.adapter import Adapter
from keystoneauth1.loading import BaseLoader
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from intaglio.identity.keystone import KeystoneFailed, KeystoneUnreachable, LoginInvalid, ServiceRefused
from intaglio.identity.settings import KeystoneSettings
from intaglio.identity.tokens import Token, read_token

_log = logging.getLogger(__name__)

_NOT_FOUND = 404
_ASKED_AS = {"OpenStack-Identity-Access-Rules": "1.0"}  # says that access rules are enforced here


class KeystoneSession:
    """One login, used by several threads. Nothing is sent before the first token is asked about."""

    def __init__(self, settings: KeystoneSettings) -> None:
        """Raises `LoginInvalid` when the kind of login is unknown or lacks an option."""
        self._settings = settings
        certificate = settings.certfile
        cert = (certificate, settings.keyfile) if certificate and settings.keyfile else certificate
        verify = False if settings.insecure else settings.cafile or True
        session = Session(cert=cert, verify=verify, timeout=settings.http_connect_timeout, user_agent="intaglio")
        self._adapter = Adapter(
            session,
            auth=login_plugin("keystone_authtoken", settings.auth_type, settings.login),
            service_type="identity",
            interface=settings.interface,
            region_name=settings.region_name,
            min_version="3",
            max_version="3.latest",
        )

    def validate(self, token: str, *, allow_expired: bool) -> Token | None:
        """What Keystone says of `token`; None when it knows no such token.

        Each exchange takes at most `http_connect_timeout`; nothing is tried twice, except that a service token that
        Keystone refuses is renewed once. Raises `KeystoneUnreachable`, `KeystoneFailed`, `ServiceRefused`, whose texts
        go to users; the reasons go to the log, that of the first to who tries no more.
        """
        query = "?nocatalog" + ("&allow_expired=1" if allow_expired else "")
        headers = {"X-Subject-Token": token} | _ASKED_AS
        try:
            answer = self._adapter.get(f"/auth/tokens{query}", headers=headers, log=False)
            return read_token(answer.content)
        except exceptions.NotFound as error:
            if _says_not_found(error):
                return None
            raise self._failed(f"it answered 404 and is no Keystone ({_address(error)})") from error
        except (exceptions.Unauthorized, exceptions.Forbidden) as error:
            raise self._refused(error) from error
        except (exceptions.RetriableConnectionFailure, exceptions.DiscoveryFailure) as error:
            raise KeystoneUnreachable(
                "The identity service (Keystone) does not answer at this moment; please try again."
            ) from error
        except exceptions.EndpointNotFound as error:
            self._adapter.invalidate()  # with the next login comes the catalogue of that time
            place = f"interface {self._settings.interface}, region {self._settings.region_name or 'any'}"
            raise self._failed(f"its catalogue has no endpoint of the identity service for {place}") from error
        except (exceptions.ClientException, ValueError, OSError) as error:
            raise self._failed(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(AttributeError):  # made only when first used
            self._adapter.session.session.close()

    def _refused(self, error: exceptions.HttpError) -> ServiceRefused:
        who = f"as the service user of [keystone_authtoken] (auth_type {self._settings.auth_type})"
        if isinstance(error, exceptions.Forbidden):
            _log.error(
                "Keystone accepts the login %s, but lets it validate no tokens: %s. It needs a role"
                " that may, such as service.",
                who,
                error,
            )
        else:
            _log.error("Keystone refuses the login %s: %s. Correct that section.", who, error)
        return ServiceRefused(
            "This service cannot check tokens: Keystone does not accept the service itself. Its operator finds the"
            " reason in the log."
        )

    def _failed(self, reason: str) -> KeystoneFailed:
        _log.error("cannot validate a token at Keystone (%s): %s", self._settings.login.get("auth_url", "-"), reason)
        return KeystoneFailed("The identity service (Keystone) cannot check tokens at this moment; please try again.")


def login_plugin(group: str, auth_type: str, login: Mapping[str, str]) -> BaseAuthPlugin:
    """The login that a group of options describes. Raises `LoginInvalid`."""
    try:
        loader: BaseLoader[BaseAuthPlugin] = loading.get_plugin_loader(auth_type)
        plugin: BaseAuthPlugin = loader.load_from_options_getter(lambda option: login.get(option.dest))
    except exceptions.NoMatchingPlugin:
        known = ", ".join(sorted({entry.name for entry in entry_points(group=loading.PLUGIN_NAMESPACE)}))
        raise LoginInvalid(f"[{group}] auth_type {auth_type!r} is no kind of login; kinds are {known}.") from None
    except exceptions.MissingRequiredOptions as error:
        missing = ", ".join(option.dest for option in error.options)
        raise LoginInvalid(f"[{group}] a login of auth_type {auth_type} needs also: {missing}.") from None
    except (exceptions.ClientException, TypeError, ValueError) as error:
        raise LoginInvalid(f"[{group}] is no login of auth_type {auth_type}: {error}") from error
    return plugin


def _says_not_found(error: exceptions.HttpError) -> bool:
    """Whether a 404 is Keystone's own word on a token, and not that of another server at a wrong address."""
    try:
        return error.response is not None and "error" in json.loads(error.response.content)
    except ValueError:
        return False


def _address(error: exceptions.HttpError) -> str:
    return str(error.url or "at an unknown address")
