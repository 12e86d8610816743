"""Keeping the certificates of those who signed images: a receipt is written when nobody can ask for them any more."""

import logging
from collections.abc import Mapping

from intaglio.base.errors import IntaglioError
from intaglio.db.base import Database
from intaglio.db.repos import receipts

_log = logging.getLogger(__name__)

_REMEMBERED = 10_000  # fingerprints, of 64 characters


class Signers:
    """What one process has kept already is not written again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: set[str] = set()

    async def keep(self, found: Mapping[str, str]) -> None:
        """Keep certificates, PEM by fingerprint. Never raises: without them a receipt only names its signer."""
        new = {fingerprint: pem for fingerprint, pem in found.items() if fingerprint not in self._kept}
        if not new:
            return
        try:
            await self._database.write(lambda conn: receipts.remember(conn, new))
        except IntaglioError as error:
            _log.warning("a signer's certificate was not kept: %s", error)
            return
        if len(self._kept) > _REMEMBERED:
            self._kept.clear()
        self._kept.update(new)
