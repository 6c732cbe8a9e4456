"""
LegacyNotConfigured (404)   there is no ClippingMagic here
LegacyImageNotFound (404)   no image of this user is edited there under this id
"""

from app.errors import NotFound


class LegacyNotConfigured(NotFound):
    code = "legacy_not_configured"


class LegacyImageNotFound(NotFound):
    code = "legacy_image_not_found"
