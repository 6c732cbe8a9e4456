"""
SubjectNotFound (404)       no automatic subject: not asked for, or none was found
LegacyImageRefused (422)    ClippingMagic does not take the image; extra: legacy_code
LegacyResultGone (410)      ClippingMagic keeps the image, or its result, no longer
LegacyResultNotReady (409)  ClippingMagic has no result yet; retryable
LegacyBusy (503)            429 after the waits that ClippingMagic asks for; retryable
LegacyUnavailable (503)     down, too slow, or no answer that can be read; retryable
LegacyUnpaid                our account there has no credits left; reported
LegacyDenied                our credentials are refused; reported
"""

from app.errors import AppError, BadInput, Conflict, Internal, NotFound, Unavailable


class SubjectNotFound(NotFound):
    code = "auto_mask_not_found"


class LegacyImageRefused(BadInput):
    code = "legacy_image_refused"


class LegacyResultGone(AppError):
    code = "legacy_result_gone"
    status = 410


class LegacyResultNotReady(Conflict):
    code = "legacy_result_not_ready"
    retryable = True


class LegacyBusy(Unavailable):
    code = "legacy_busy"


class LegacyUnavailable(Unavailable):
    code = "legacy_unavailable"


class LegacyUnpaid(Internal):
    code = "legacy_unpaid"
    status = 502


class LegacyDenied(Internal):
    code = "legacy_denied"
    status = 502
