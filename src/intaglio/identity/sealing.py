"""Keeping a user's token for a worker: sealed with what this service alone shares with its own workers.

The key follows from the service's login at Keystone, which every process of the service has and nobody else.
"""

import base64
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from intaglio.identity.regions import SealBroken

SECRETS = ("password", "application_credential_secret")
_PURPOSE = b"intaglio: the token of a user who asked for an import"


class FernetSeal:
    """See `identity.regions.Seal`."""

    def __init__(self, secret: str) -> None:
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, text: str) -> str:
        """`text`, sealed."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed. Raises `SealBroken`."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealBroken("The user's token cannot be read any more; ask for the import again.") from None


def seal_of(login: Mapping[str, str]) -> FernetSeal | None:
    """The seal of a service with this login at Keystone; None when its kind of login has no secret to build on."""
    secret = next((login[name] for name in SECRETS if login.get(name)), None)
    return None if secret is None else FernetSeal(secret)
