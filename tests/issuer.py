"""An issuer of access tokens as Supabase is one: its keys, its public set, its tokens, good and bad."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

AUDIENCE = "authenticated"


@dataclass
class Signer:
    """`issuer` is its URL, as `…/auth/v1`."""

    issuer: str
    elliptic: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    modular: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def jwks(self) -> dict[str, Any]:
        return {
            "keys": [
                {**json.loads(ECAlgorithm.to_jwk(self.elliptic.public_key())), "kid": "ec", "use": "sig"},
                {**json.loads(RSAAlgorithm.to_jwk(self.modular.public_key())), "kid": "rsa", "alg": "RS256"},
            ]
        }

    def public_pem(self) -> bytes:
        return self.modular.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def claims(self, user_id: UUID, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "role": "authenticated",
            "email": f"{user_id.hex[:8]}@example.com",
            "iat": now,
            "exp": now + 3600,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, user_id: UUID, algorithm: str = "ES256", kid: str | None = None, **changed: Any) -> str:
        """A good one; `changed` claims make it another, None takes one away."""
        key = self.elliptic if algorithm == "ES256" else self.modular
        kid = kid or ("ec" if algorithm == "ES256" else "rsa")
        return jwt.encode(self.claims(user_id, **changed), key, algorithm, {"kid": kid})

    def unsigned(self, user_id: UUID) -> str:
        """`alg=none`."""
        return jwt.encode(self.claims(user_id), None, "none", {"kid": "ec"})  # type: ignore[arg-type]

    def signed_with_public_key(self, user_id: UUID) -> str:
        """HS256 whose secret is the RSA public key, which PyJWT itself refuses to make."""
        return hs256(self.claims(user_id), self.public_pem(), "rsa")


def hs256(claims: dict[str, Any], secret: bytes, kid: str | None = None) -> str:
    """By hand, as an attacker would: no check of what the secret is."""
    header = {"alg": "HS256", "typ": "JWT", **({"kid": kid} if kid else {})}
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64url_encode(signature)]).decode()


@contextmanager
def issuing() -> Iterator[Signer]:
    """An issuer whose keys are served on loopback."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(signer.jwks()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        signer = Signer(f"http://127.0.0.1:{server.server_port}/auth/v1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield signer
        finally:
            server.shutdown()
            thread.join()
