"""Who makes a cutout (DESIGN §3)."""

from enum import StrEnum


class EngineName(StrEnum):
    SAM2 = "sam2"
    """Ours."""
    CLIPPINGMAGIC = "clippingmagic"
    """The legacy one."""
