"""What the use cases work with, handed in by the wiring."""

import msgspec

from intaglio.authz.engine import PolicyEngine
from intaglio.authz.property_access import PropertyProtection
from intaglio.base.metrics import Counts
from intaglio.db.base import Database
from intaglio.domain.properties import CustomProperties, Formats
from intaglio.domain.quota import LimitSource, StorageQuota
from intaglio.formats.settings import FormatSettings
from intaglio.identity.regions import Seal
from intaglio.imports.settings import PluginSettings
from intaglio.ingest.door import Door
from intaglio.ingest.settings import IngestSettings
from intaglio.outbound.settings import OutboundSettings
from intaglio.services.changes import Changes
from intaglio.services.osinfo import OsinfoDatabase
from intaglio.services.settings import DeletionSettings, ImageLimits, MetadefSettings, ReceiptSettings, TaskSettings
from intaglio.signatures.keyring import Keyring
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_signing import OwnSigner
from intaglio.signatures.verification import Verification
from intaglio.stores.base import Store
from intaglio.stores.registry import Stores
from intaglio.stores.settings import STAGING


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts one process of the service shares among its requests and jobs."""

    database: Database
    stores: Stores
    staging: Store  # keeps data until they are imported; no image's location is there
    door: Door
    policy: PolicyEngine
    protection: PropertyProtection
    limits: ImageLimits
    quotas: LimitSource = msgspec.field(default_factory=StorageQuota)
    format_settings: FormatSettings
    ingest_settings: IngestSettings
    metadef_settings: MetadefSettings
    task_settings: TaskSettings
    deletion: DeletionSettings = DeletionSettings()
    osinfo: OsinfoDatabase
    changes: Changes  # what is told to those who wait for it
    holder: str  # names this process in leases
    custom: CustomProperties = CustomProperties()
    outbound: OutboundSettings = OutboundSettings()
    plugins: PluginSettings = PluginSettings()
    counts: Counts = msgspec.field(default_factory=Counts)
    verification: Verification = msgspec.field(default_factory=Verification)
    receipts: ReceiptSettings = ReceiptSettings()
    own_key: OwnKey = msgspec.field(default_factory=OwnKey)
    own_signer: OwnSigner | None = None
    keyring: Keyring = msgspec.field(default_factory=Keyring)  # of upstreams
    seal: Seal | None = None  # keeps users' tokens for imports from other regions; None: there are none

    def store(self, store_id: str) -> Store | None:
        """A store by its id, the staging store by its reserved one; None for one that is not configured."""
        return self.staging if store_id == STAGING else self.stores.get(store_id)

    @property
    def formats(self) -> Formats:
        """What is accepted here in the fields of images."""
        settings = self.format_settings
        return Formats(disk=settings.disk_formats, container=settings.container_formats, custom=self.custom)
