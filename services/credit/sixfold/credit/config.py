"""Settings of the credit centre."""

from pydantic import Field, SecretStr

from sixfold.api.subjects import PARTITIONS
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings


class WarehouseSettings(Settings):
    dsn: SecretStr = SecretStr("http://default@127.0.0.1:8123/sixfold")
    """`chdb:///DIRECTORY`, the engine in this process, or `http(s)://user:password@host:port/database`."""
    database: str = "sixfold"
    cluster: str = ""
    """Name of a ClickHouse cluster: tables are then replicated and made ON CLUSTER."""
    flow_days: int = Field(default=30, ge=1)
    """Days that flows, interface counters and heartbeats are kept."""
    nat_days: int = Field(default=190, ge=1)
    """Days that NAT sessions are kept."""
    rollup_days: int = Field(default=400, ge=1)
    """Days that rollups per minute, by prefix and by subscriber are kept; rollups per hour stay."""
    query_seconds: float = Field(default=20.0, gt=0)
    query_memory_bytes: int = Field(default=1 << 30, gt=0)


class LoaderSettings(Settings):
    partitions: int = Field(default=PARTITIONS, ge=1)
    max_batches: int = Field(default=128, ge=1, le=1_000)
    """Batches in one insert."""
    max_rows: int = Field(default=524_288, ge=1, le=1_000_000)
    """Rows in one insert; under the engine's own block limit, so that an insert is one block."""
    linger: float = Field(default=0.2, ge=0, le=10)
    """Seconds that an insert waits for more batches after the first."""
    ack_wait: float = Field(default=20.0, ge=0.5)
    """Seconds after which a batch that a dead loader had fetched comes to the next one."""
    stream_bytes: int = Field(default=4 << 30, ge=1 << 20)
    """What the flow stream may hold for slow readers; past it the agents keep their batches."""


class CreditSettings(Settings):
    nats: NatsSettings = NatsSettings(name="credit")
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    loader: LoaderSettings = LoaderSettings()
