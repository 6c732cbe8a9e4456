"""Images that people edit at ClippingMagic."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LegacyImage:
    id: int
    """ClippingMagic's."""
    user_id: UUID
    image_id: UUID
    secret: str = field(repr=False)
    """Lets a browser edit this one image."""
    reason: str
    """Of the decision that led there."""

    @property
    def resource_id(self) -> UUID:
        """As an Idempotency-Key names it."""
        return UUID(int=self.id)
