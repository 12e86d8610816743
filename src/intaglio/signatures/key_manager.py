"""Certificates in a key manager, by castellan: Barbican, or what speaks like Vault. Imported only where it is used.

castellan is called in threads of its own that nobody waits for at the end: it sets no time limit when it asks Barbican.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

from castellan import key_manager
from castellan.common import utils
from castellan.common.credentials.keystone_token import KeystoneToken
from castellan.common.exception import CastellanException, ManagedObjectNotFoundError
from castellan.common.objects.x_509 import X509
from castellan.key_manager.barbican_key_manager import BarbicanKeyManager

from intaglio.signatures.base import Asker, CertificateNotFound, CertificatesUnavailable, CertificateUnusable
from intaglio.signatures.settings import KeyManagerSettings

_AT_ONCE = 16  # threads that wait for the key manager
_REFUSED = {400, 401, 403, 404}


class KeyManager:
    """See `Certificates`. `configuration` is castellan's: an object of oslo.config."""

    def __init__(self, settings: KeyManagerSettings, configuration: Any) -> None:
        self._settings = settings
        self._conf = configuration
        self._api: Any = None
        self._making = threading.Lock()
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:
        work = self._in_thread(lambda: self._fetched(certificate_id, asker))
        try:
            return await asyncio.wait_for(work, self._settings.seconds)
        except TimeoutError:
            raise CertificatesUnavailable(
                f"The key manager did not answer within {self._settings.seconds:g} s; the signature is not judged."
            ) from None

    async def close(self) -> None:
        """There is nothing to release: connections end with their requests."""

    def _fetched(self, certificate_id: str, asker: Asker) -> bytes:
        try:
            found = self._made().get(self._credential(asker), certificate_id)
        except ManagedObjectNotFoundError:
            raise CertificateNotFound(f"The key manager has no certificate {certificate_id}.") from None
        except Exception as error:
            raise _meant(certificate_id, error) from error
        if not isinstance(found, X509):
            raise CertificateUnusable(f"What the key manager has as {certificate_id} is no X.509 certificate.")
        return found.get_encoded() or b""

    def _made(self) -> Any:
        with self._making:
            if self._api is None:
                self._api = key_manager.API(self._conf)
            return self._api

    def _credential(self, asker: Asker) -> Any:
        if self._settings.own_login:
            return utils.credential_factory(conf=self._conf)
        if asker.token is None:
            if not isinstance(self._made(), BarbicanKeyManager):
                return None
            raise CertificateNotFound(
                "Barbican needs somebody's token to read the certificate: yours is not at hand here, and the service "
                "has no login of its own in [key_manager]."
            )
        return KeystoneToken(asker.token, auth_url=self._settings.auth_url, project_id=asker.project_id)

    async def _in_thread(self, work: Callable[[], bytes]) -> bytes:
        if not self._places.acquire(blocking=False):
            raise CertificatesUnavailable(f"The key manager has not answered {_AT_ONCE} earlier requests; try later.")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes] = loop.create_future()

        def tell(result: bytes | None, error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result or b"")

        def run() -> None:
            result, failed = None, None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed on to who waits
                failed = error
            finally:
                self._places.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, result, failed)

        threading.Thread(target=run, name="key-manager", daemon=True).start()
        return await done


def _meant(certificate_id: str, error: Exception) -> Exception:
    """What an error of castellan, or of what is below it, is to a user; its text may hold addresses, and stays here."""
    if isinstance(error, CertificateNotFound):
        return error
    statuses = {status for each in _causes(error) if (status := _status(each)) is not None}
    if statuses & _REFUSED or isinstance(error, ValueError):
        return CertificateNotFound(f"The key manager does not give out a certificate {certificate_id}.")
    said = type(list(_causes(error))[-1]).__name__ if isinstance(error, CastellanException) else type(error).__name__
    return CertificatesUnavailable(f"The key manager does not answer ({said}); the signature is not judged.")


def _status(error: BaseException) -> int | None:
    said = (getattr(error, "status_code", None), getattr(error, "http_status", None))
    return next((status for status in said if isinstance(status, int)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
