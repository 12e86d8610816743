"""The whole service's settings: every room's section, and those of the processes themselves (group `[intaglio]`)."""

from pathlib import Path

import msgspec

from intaglio.api.settings import ApiSettings, CorsSettings, RateSettings
from intaglio.authz.settings import PolicySettings
from intaglio.db.settings import DatabaseSettings
from intaglio.flows.settings import FlowSettings
from intaglio.formats.settings import FormatSettings
from intaglio.identity.settings import IdentitySettings, UnifiedLimitsSettings
from intaglio.imports.settings import PluginSettings
from intaglio.ingest.settings import IngestSettings
from intaglio.outbound.settings import OutboundSettings
from intaglio.services.settings import (
    CustomSchema,
    DeletionSettings,
    EventSettings,
    ImageLimits,
    MetadefSettings,
    TaskSettings,
    UpkeepSettings,
)
from intaglio.signatures.settings import SignatureSettings
from intaglio.stores.settings import StoreConfig, StoreSettings
from intaglio.worker.settings import CatalogSchedule


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The processes: where they listen, how many they are, where they keep what no other option places."""

    data_dir: Path
    metrics: Path  # the file in which processes count together
    bind: str = "127.0.0.1:9292"
    workers: int = 2  # API processes
    drain_seconds: float = 30.0  # how long running transfers may finish after SIGTERM
    auth_none_anywhere: bool = False
    debug: bool = False  # log more; Glance's option, in [DEFAULT]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator configured, typed and checked. It can be pickled for another process."""

    serve: ServeSettings
    api: ApiSettings
    limits: ImageLimits
    ingest: IngestSettings
    formats: FormatSettings
    stores: StoreSettings
    staging: StoreConfig
    tasks: TaskSettings
    deletion: DeletionSettings
    flows: FlowSettings
    database: DatabaseSettings
    identity: IdentitySettings
    policy: PolicySettings
    metadefs: MetadefSettings
    upkeep: UpkeepSettings
    catalog: CatalogSchedule | None
    rates: RateSettings
    events: EventSettings = EventSettings()
    outbound: OutboundSettings = OutboundSettings()
    plugins: PluginSettings = PluginSettings()
    copied_properties: tuple[str, ...] = ()  # beginnings of the names of those that come from other regions
    signatures: SignatureSettings = SignatureSettings()
    unified_limits: UnifiedLimitsSettings | None = None  # set where use_keystone_limits is
    cors: CorsSettings = CorsSettings()
    custom_schema: CustomSchema = CustomSchema()
