"""What can be wrong with a URL that a user gave. Messages never name an address that we resolved."""

from app.errors import BadInput


class UrlRefused(BadInput):
    """Spelled, or leading, where we do not go."""

    code = "url_refused"


class UrlUnreachable(BadInput):
    """No such name, no connection, a broken TLS handshake or a broken answer."""

    code = "url_unreachable"


class UrlTimeout(BadInput):
    code = "url_timeout"


class UrlTooLarge(BadInput):
    code = "url_too_large"
    status = 413


class UrlAnswerUnusable(BadInput):
    """The server answered, but with no file: another status, a coded body, or one redirect too many."""

    code = "url_answer_unusable"
