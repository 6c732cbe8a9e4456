"""Why a file cannot become a picture, or a picture a file.

BadInput
├── EmptyFile            empty_file        400   no bytes at all
├── NotAnImage           not_an_image      422   content of no kind we know
├── UnsupportedType      unsupported_type  415   a known kind that we do not take (SVG, PDF, …)
├── TooLargeBytes        too_large_bytes   413   more than MAX_BYTES
├── TooManyPixels        too_many_pixels   413   more than MAX_PIXELS
├── Animated             animated          422   more than one frame or page
├── Truncated            truncated         422   the file ends before its image does
├── Damaged              damaged           422   the data contradicts the format
├── DecodeLimit          decode_limit      422   decoding took more time or memory than any honest file needs
├── DecoderCrashed       decoder_crashed   422   the decoder ended on this file; a person should look at it
└── CannotEncode         cannot_encode     422   the chosen output format cannot hold this picture
"""

from app.errors import BadInput


class EmptyFile(BadInput):
    code = "empty_file"
    status = 400


class NotAnImage(BadInput):
    code = "not_an_image"


class UnsupportedType(BadInput):
    code = "unsupported_type"
    status = 415


class TooLargeBytes(BadInput):
    code = "too_large_bytes"
    status = 413


class TooManyPixels(BadInput):
    code = "too_many_pixels"
    status = 413


class Animated(BadInput):
    code = "animated"


class Truncated(BadInput):
    code = "truncated"


class Damaged(BadInput):
    code = "damaged"


class DecodeLimit(BadInput):
    code = "decode_limit"


class DecoderCrashed(BadInput):
    code = "decoder_crashed"
    report = True


class CannotEncode(BadInput):
    code = "cannot_encode"
