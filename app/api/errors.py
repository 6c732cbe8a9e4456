"""What can be wrong with a request before any service is asked.

AppError
├── ForeignRequest       foreign_request      403   another site's page; `cutout dev`: another name or proxy
├── BadInput
│   ├── MalformedBody    malformed_body       400   not the JSON object or multipart form it says it is
│   ├── UnknownParameter unknown_parameter    400   a name that this call does not have
│   ├── TwoCredentials   two_credentials      400   whose request is it?
│   ├── DigestMismatch   digest_mismatch      400   the body is not the one that Content-Digest names
│   ├── RepeatedParameter repeated_parameter  400   which of the two is meant?
│   ├── BadEventId       bad_event_id         400   Last-Event-ID is none of ours
│   ├── BadParameter     bad_parameter        422   a known parameter with an impossible value
│   ├── UnsupportedBody  unsupported_body     415   neither JSON nor multipart
│   ├── BodyTooLarge     body_too_large       413   more text than any honest request needs
│   └── RangeUnsatisfiable range_unsatisfiable 416
├── NoResult             no_result            404   the job ended without a file
├── ModelNotServed       model_not_served     503   installed here, but no worker encodes with it
├── BodyTooSlow          body_too_slow        408   nothing came for too long, or too little
├── TooManyUploads       too_many_uploads     503   in this process
└── NotFinished          not_finished         409   the job has not ended
"""

from app.errors import AppError, BadInput, Conflict, NotFound, Unavailable


class ForeignRequest(AppError):
    code = "foreign_request"
    status = 403


class MalformedBody(BadInput):
    code = "malformed_body"
    status = 400


class UnknownParameter(BadInput):
    code = "unknown_parameter"
    status = 400


class TwoCredentials(BadInput):
    code = "two_credentials"
    status = 400


class DigestMismatch(BadInput):
    code = "digest_mismatch"
    status = 400


class BodyTooSlow(AppError):
    code = "body_too_slow"
    status = 408
    retryable = True


class TooManyUploads(Unavailable):
    code = "too_many_uploads"


class RepeatedParameter(BadInput):
    code = "repeated_parameter"
    status = 400


class BadEventId(BadInput):
    code = "bad_event_id"
    status = 400


class BadParameter(BadInput):
    code = "bad_parameter"


class UnsupportedBody(BadInput):
    code = "unsupported_body"
    status = 415


class BodyTooLarge(BadInput):
    code = "body_too_large"
    status = 413


class RangeUnsatisfiable(BadInput):
    code = "range_unsatisfiable"
    status = 416


class NoResult(NotFound):
    code = "no_result"


class NotFinished(Conflict):
    code = "not_finished"


class ModelNotServed(Unavailable):
    """A job for it would wait until its deadline."""

    code = "model_not_served"
