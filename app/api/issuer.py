"""`cutout issuer`: the few calls of Supabase Auth that signing in takes, in its shapes.

POST /auth/v1/token?grant_type=password        {email, password}
POST /auth/v1/token?grant_type=refresh_token   {refresh_token}
POST /auth/v1/logout?scope=local|global        Authorization: Bearer
GET  /auth/v1/.well-known/jwks.json
"""

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ExceptionHandler

from app.api.files import NO_STORE
from app.api.params import parse, query, read_json
from app.errors import AppError, BadInput
from app.passwords.service import Passwords
from app.passwords.signing import Signer
from app.passwords.types import MAX_PASSWORD, TOKEN_LIFETIME_S, Granted

_JWKS_AGE_S = 600
"""As Supabase's edge keeps its own."""


class IssuerLifespan(TypedDict):
    passwords: Passwords
    signer: Signer


class IssuerState(IssuerLifespan):
    request_id: str


class _Lenient(BaseModel):
    """Clients of Supabase send more than this (`gotrue_meta_security`); it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PasswordGrant(_Lenient):
    email: str = Field(max_length=320)
    password: str = Field(max_length=MAX_PASSWORD)


class RefreshGrant(_Lenient):
    refresh_token: str = Field(max_length=256)


class TokenQuery(_Lenient):
    grant_type: Literal["password", "refresh_token"]


class LogoutQuery(_Lenient):
    scope: Literal["global", "local"] = "global"


async def token(request: Request[IssuerState]) -> Response:
    passwords, kind = request.state["passwords"], query(TokenQuery, request).grant_type
    values = await read_json(request)
    if kind == "password":
        by_password = parse(PasswordGrant, values)
        granted = await passwords.sign_in(by_password.email, by_password.password)
    else:
        granted = await passwords.refresh(parse(RefreshGrant, values).refresh_token)
    return JSONResponse(granted_json(granted), headers=NO_STORE)


async def logout(request: Request[IssuerState]) -> Response:
    scope = query(LogoutQuery, request).scope
    shown = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    passwords = request.state["passwords"]
    await passwords.end(passwords.read(shown), everywhere=scope == "global")
    return Response(status_code=204, headers=NO_STORE)


async def jwks(request: Request[IssuerState]) -> Response:
    headers = {"Cache-Control": f"public, max-age={_JWKS_AGE_S}"}
    return JSONResponse(request.state["signer"].jwks(), headers=headers)


async def health(_request: Request[IssuerState]) -> Response:
    return JSONResponse({"name": "cutout issuer"})


def granted_json(granted: Granted) -> dict[str, Any]:
    return {
        "access_token": granted.access_token,
        "token_type": "bearer",
        "expires_in": TOKEN_LIFETIME_S,
        "expires_at": granted.expires_at,
        "refresh_token": granted.refresh_token,
        "user": {"id": str(granted.user_id), "email": granted.email, "aud": "authenticated"},
    }


ISSUER_ROUTES: list[BaseRoute] = [
    Route("/auth/v1/token", token, methods=["POST"]),
    Route("/auth/v1/logout", logout, methods=["POST"]),
    Route("/auth/v1/.well-known/jwks.json", jwks),
    Route("/auth/v1/health", health),
]


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    document = {"code": status, "error_code": code, "msg": message}
    return JSONResponse(document, status, {**NO_STORE, **(headers or {})})


async def _app_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    after = error.extra.get("retry_after")
    headers = {} if after is None else {"Retry-After": str(after)}
    code = "validation_failed" if type(error).__module__ == "app.api.errors" else error.code
    status = 400 if isinstance(error, BadInput) else error.status
    return _refusal(status, code, error.message, headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, "unexpected_failure", error.detail)


ISSUER_HANDLERS: dict[Any, ExceptionHandler] = {AppError: _app_error, HTTPException: _http_error}
