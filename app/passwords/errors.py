"""Who is not signed in by a password, and why. Codes and statuses are those of Supabase Auth.

AppError
├── InvalidCredentials     invalid_credentials          400   no such address, or another password
├── RefreshTokenUnknown    refresh_token_not_found      400   no such sign-in, or it has ended
├── RefreshTokenUsed       refresh_token_already_used   400   long ago: the sign-in ends for whoever has it
├── BadToken               bad_jwt                      403   of somebody else's, or expired
├── TooManyAttempts        over_request_rate_limit      429   extra: retry_after
├── WeakPassword           weak_password                422
├── EmailTaken             email_exists                 422   another user signs in by it
└── KeyUnusable            key_unusable                 exit code 78: the issuer's key file holds none
"""

from app.errors import AppError, BadInput


class InvalidCredentials(AppError):
    code = "invalid_credentials"
    status = 400


class RefreshTokenUnknown(AppError):
    code = "refresh_token_not_found"
    status = 400


class RefreshTokenUsed(AppError):
    code = "refresh_token_already_used"
    status = 400


class BadToken(AppError):
    code = "bad_jwt"
    status = 403


class TooManyAttempts(AppError):
    code = "over_request_rate_limit"
    status = 429
    retryable = True


class WeakPassword(BadInput):
    code = "weak_password"


class EmailTaken(BadInput):
    code = "email_exists"


class KeyUnusable(AppError):
    code = "key_unusable"
    exit_code = 78
