"""Who may not come in, and why.

AppError
├── NotSignedIn            not_signed_in        401   no credentials that this mode accepts
│   ├── TokenRefused       token_refused        401   not signed by whom we trust, or not for us
│   ├── TokenExpired       token_expired        401   it was good; sign in again
│   ├── KeyMalformed       key_malformed        401   a typo: the checksum does not match
│   ├── KeyRefused         key_refused          401   no such key, revoked or expired
│   └── AccountClosed      account_closed       401   the user was deleted here
├── Forbidden
│   ├── ScopeMissing       scope_missing        403   the key was not given this scope
│   └── RoleMissing        role_missing         403   the user's role is not enough
├── KeyNotFound            key_not_found        404   no such key, or not yours
├── UserNotFound           user_not_found       404
├── LocalUserStays         local_user_stays     409   `cutout dev` needs its user
├── TooManyKeys            too_many_keys        409   the account has as many as it may
├── TooMuch                too_much              429   of requests or megapixels; extra: retry_after
└── SignInUnavailable      sign_in_unavailable  503   the issuer's public keys were never reached
"""

from app.accounts.types import Left
from app.errors import AppError, Conflict, NotFound, Unavailable


class NotSignedIn(AppError):
    code = "not_signed_in"
    status = 401


class TokenRefused(NotSignedIn):
    code = "token_refused"


class TokenExpired(NotSignedIn):
    code = "token_expired"


class KeyMalformed(NotSignedIn):
    code = "key_malformed"


class KeyRefused(NotSignedIn):
    code = "key_refused"


class AccountClosed(NotSignedIn):
    code = "account_closed"


class Forbidden(AppError):
    code = "forbidden"
    status = 403


class ScopeMissing(Forbidden):
    code = "scope_missing"


class RoleMissing(Forbidden):
    code = "role_missing"


class KeyNotFound(NotFound):
    code = "key_not_found"


class UserNotFound(NotFound):
    code = "user_not_found"


class LocalUserStays(Conflict):
    code = "local_user_stays"


class TooManyKeys(Conflict):
    code = "too_many_keys"


class TooMuch(AppError):
    code = "too_much"
    status = 429
    retryable = True

    def __init__(self, message: str, left: Left, retry_after: int) -> None:
        super().__init__(message, retry_after=retry_after)
        self.left = left


class SignInUnavailable(Unavailable):
    code = "sign_in_unavailable"
