"""The only reader of the environment. Every error at start-up names its variable."""

import ipaddress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import AppError

_PREFIX = "CUTOUT_"


class BadSetting(AppError):
    """A variable is missing or unusable; the message begins with its name."""

    code = "bad_setting"
    exit_code = 78  # EX_CONFIG of sysexits.h


@dataclass(frozen=True, slots=True)
class Services:
    """Where the two services listen."""

    database_url: str
    redis_url: str


class Settings(BaseSettings):
    """Configured mode (DESIGN §5). `.env.example` says what each variable means."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # a URL carries a password
    )

    embedded: ClassVar[bool] = False
    """True only in the processes of `cutout dev`: no variable can switch it on."""

    database_url: str | None = Field(None, validation_alias="DATABASE_URL", pattern=r"^postgres(ql)?://")
    redis_url: str | None = Field(None, validation_alias="REDIS_URL", pattern=r"^(rediss?|unix)://")
    supabase_url: str | None = Field(None, validation_alias="SUPABASE_URL", pattern=r"^https?://[^/?#]+/?$")
    supabase_anon_key: str | None = Field(None, validation_alias="SUPABASE_ANON_KEY", repr=False)
    supabase_jwt_secret: str | None = Field(
        None, validation_alias="SUPABASE_JWT_SECRET", min_length=32, repr=False
    )
    supabase_service_role_key: str | None = Field(
        None, validation_alias="SUPABASE_SERVICE_ROLE_KEY", min_length=20, repr=False
    )
    storage_url: str | None = Field(None, pattern=r"^https?://[^/?#]+/?$")
    supabase_bucket: str = Field("cutout", pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$")
    data_dir: Path = Path(".cutout")
    models_dir: Path = Path("~/.cache/cutout/models")
    model: str = "auto"
    threads: int | None = Field(None, ge=1, le=256)
    providers: Annotated[tuple[str, ...], NoDecode] = ("CPUExecutionProvider",)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    vram_bytes: int | None = Field(None, ge=1 << 30)
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    db_pool_size: int = Field(10, ge=2, le=100)
    worker_slots: int | None = Field(None, ge=1, le=256)
    batch_size: int | None = Field(None, ge=1, le=128)
    batch_wait_ms: float = Field(5.0, ge=0, le=1000)
    worker_grace_s: float = Field(25.0, ge=0)
    worker_memory_mb: int | None = Field(None, ge=200)
    worker_waits_s: float = Field(0.0, ge=0)
    worker_idle_s: float | None = Field(None, ge=1)
    worker_usd_hour: Decimal = Field(Decimal("0.10"), ge=0, le=1000)
    job_timeout_s: float = Field(300.0, ge=1)
    user_slots: int | None = Field(None, ge=1)
    queue_limit: int = Field(10_000, ge=1)
    user_queue_limit: int = Field(5_000, ge=1)
    uploads_at_once: int = Field(32, ge=1)
    limit_requests: int = Field(1200, ge=1)
    limit_key_requests: int = Field(600, ge=1)
    limit_megapixels: int = Field(20_000, ge=100)
    limit_key_megapixels: int = Field(10_000, ge=100)
    price_sam2: Decimal = Field(Decimal("0.5"), ge=0, le=1000, decimal_places=3)
    use_sam2_editor: Literal["auto", "true", "false"] = Field("auto", validation_alias="USE_SAM2_EDITOR")
    clippingmagic_api_id: str | None = Field(
        None, validation_alias="CLIPPINGMAGIC_API_ID", pattern=r"^[\w-]+$"
    )
    clippingmagic_api_secret: str | None = Field(
        None, validation_alias="CLIPPINGMAGIC_API_SECRET", min_length=1, repr=False
    )
    clippingmagic_url: str = Field(
        "https://clippingmagic.com/api/v1",
        validation_alias="CLIPPINGMAGIC_URL",
        pattern=r"^https?://[^/?#@]+/[^?#]*$",
    )
    clippingmagic_test: bool = Field(False, validation_alias="CLIPPINGMAGIC_TEST")
    fallback_age_s: float = Field(10.0, gt=0)
    fallback_failures: float = Field(0.5, gt=0, le=1)
    fallback_calm_s: float = Field(30.0, ge=0)
    legacy_daily_usd: Decimal = Field(Decimal(10), ge=0, le=100_000, decimal_places=6)
    price_clippingmagic: Decimal = Field(Decimal(1), ge=0, le=1000, decimal_places=3)
    metrics_port: int | None = Field(None, ge=1, le=65_000)
    metrics_host: str = "127.0.0.1"
    sentry_dsn: str | None = Field(None, validation_alias="SENTRY_DSN", pattern=r"^https?://", repr=False)
    sentry_traces: float = Field(0.0, ge=0, le=1)
    environment: str = Field("production", pattern=r"^[\w-]{1,40}$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"

    @field_validator("supabase_jwt_secret")
    @classmethod
    def _secret(cls, secret: str | None) -> str | None:
        """With a public key as the secret, everybody could sign."""
        if secret is not None and secret.lstrip().startswith(("-----BEGIN", "{", "ssh-")):
            raise ValueError(
                "this is a key, not the legacy JWT secret; leave it empty, SUPABASE_URL is enough"
            )
        return secret

    @field_validator("providers", mode="before")
    @classmethod
    def _listed(cls, names: object) -> object:
        return tuple(names.replace(" ", "").split(",")) if isinstance(names, str) else names

    @field_validator("data_dir", "models_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        """A child process may stand in another folder."""
        return path.expanduser().absolute()

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the environment and `.env`. Raises BadSetting."""
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            raise BadSetting("; ".join(_line(cls, e["loc"], e["msg"]) for e in error.errors())) from None

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        alias = cls.model_fields[field].validation_alias
        return alias if isinstance(alias, str) else f"{_PREFIX}{field}".upper()

    @property
    def storage_dir(self) -> Path:
        return self.data_dir / "storage"

    @model_validator(mode="after")
    def _legacy_whole(self) -> Self:
        if (self.clippingmagic_api_id is None) != (self.clippingmagic_api_secret is None):
            raise ValueError("CLIPPINGMAGIC_API_ID and CLIPPINGMAGIC_API_SECRET go together")
        if self.use_sam2_editor == "false" and not self.legacy:
            raise ValueError(
                "USE_SAM2_EDITOR: `false` needs CLIPPINGMAGIC_API_ID and CLIPPINGMAGIC_API_SECRET"
            )
        return self

    @property
    def legacy(self) -> bool:
        """ClippingMagic can be used."""
        return self.clippingmagic_api_id is not None

    def services(self) -> Services:
        """Raises BadSetting when one is not set."""
        return Services(self.database(), self._needed("redis_url"))

    def database(self) -> str:
        """Raises BadSetting when it is not set."""
        return self._needed("database_url")

    def issuer(self) -> str:
        """Whose tokens are good, without a slash at its end. Raises BadSetting when it is not set."""
        if self.supabase_url is None:
            raise BadSetting("SUPABASE_URL is not set: who signs people in, Supabase or `cutout issuer`?")
        return self.supabase_url.rstrip("/")

    def _needed(self, field: str) -> str:
        value: str | None = getattr(self, field)
        if not value:
            raise BadSetting(f"{self.variable(field)} is not set. `cutout dev` brings its own services.")
        return value


class EmbeddedSettings(Settings):
    """`cutout dev` and its children: loopback only, one local user."""

    embedded: ClassVar[bool] = True

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host != "localhost" and not _is_loopback(host):
            raise ValueError("`cutout dev` listens on a loopback address only; use `cutout serve` for others")
        return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _line(settings: type[Settings], loc: tuple[int | str, ...], message: str) -> str:
    if not loc:  # of several variables: the message names them
        return message.removeprefix("Value error, ")
    field = str(loc[0])
    name = settings.variable(field) if field in settings.model_fields else field
    return f"{name}: {message.removeprefix('Value error, ')}"
