"""Supabase's storage as its documentation and source say it answers, over HTTP: one private bucket in memory.

What makes it hard to use is here too: statuses that stand in the body of an HTTP 400, `Duplicate` as an error
of the upload, folders without an id in a list, uploads that are forgotten, bursts of 5xx, broken connections.
"""

import base64
import hashlib
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.stack import answering

KEY = "the-service-role-key-of-the-tests"
BUCKET = "cutout"
SIGNED_UPLOAD = "/storage/v1/object/upload/sign/{bucket}/{key:path}"


@dataclass
class Upload:
    key: str
    length: int
    content_type: str
    received: bytearray = field(default_factory=bytearray)


@dataclass
class SupabaseServer:
    limit: int = 60_000_000
    buckets: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {BUCKET: {"name": BUCKET, "public": False, "file_size_limit": None}}
    )
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """One a request: a status that is answered in its stead, `lost` (done, but the answer is a 502), `cut` (a
    body that ends half-way), `damaged` (a bit of what arrives is another), `forgotten` (uploads
    under way are), or `ok`."""
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        routes = [
            Route("/storage/v1/bucket/{bucket}", self._told(self.bucket)),
            Route("/storage/v1/bucket", self._told(self.make_bucket), methods=["POST"]),
            Route("/storage/v1/object/info/{bucket}/{key:path}", self._told(self.info)),
            Route("/storage/v1/object/authenticated/{bucket}/{key:path}", self._told(self.download)),
            Route("/storage/v1/object/sign/{bucket}/{key:path}", self._told(self.sign), methods=["POST"]),
            Route("/storage/v1/object/sign/{bucket}/{key:path}", self.signed),
            Route(SIGNED_UPLOAD, self._told(self.sign_upload), methods=["POST"]),
            Route(SIGNED_UPLOAD, self.signed_upload, methods=["PUT"]),
            Route("/storage/v1/object/list/{bucket}", self._told(self.list), methods=["POST"]),
            Route("/storage/v1/upload/resumable", self._told(self.begin), methods=["POST"]),
            Route(
                "/storage/v1/upload/resumable/{upload}", self._told(self.resume), methods=["PATCH", "HEAD"]
            ),
            Route("/storage/v1/object/{bucket}", self._told(self.delete), methods=["DELETE"]),
            Route("/storage/v1/object/{bucket}/{key:path}", self._told(self.upload), methods=["POST"]),
        ]
        # browsers send photos to signed URLs from any origin
        cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
        return Starlette(routes=routes, middleware=[cors])

    def _told(self, handler: Any) -> Any:
        async def answer(request: Request) -> Response:
            self.asked.append(f"{request.method} {request.url.path.removeprefix('/storage/v1/')}")
            fault = self.faults.pop(0) if self.faults else "ok"
            if fault.isdecimal():
                await request.body()
                return Response("<html>a gateway's page</html>", int(fault), media_type="text/html")
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return refusal(403, "Unauthorized", "signature verification failed")
            if fault == "forgotten":
                self.uploads.clear()
            response: Response = await handler(request)
            if fault == "damaged":
                self._damage(request.path_params["key"])
            if fault == "lost":
                return Response(status_code=502)
            return half(response) if fault == "cut" else response

        return answer

    async def bucket(self, request: Request) -> Response:
        found = self.buckets.get(request.path_params["bucket"])
        return JSONResponse(found) if found else refusal(404, "Bucket not found", "Bucket not found")

    async def make_bucket(self, request: Request) -> Response:
        wanted = await request.json()
        self.buckets[wanted["id"]] = {"name": wanted["name"], "public": wanted["public"]}
        return JSONResponse({"name": wanted["name"]})

    async def upload(self, request: Request) -> Response:
        key, content = request.path_params["key"], await request.body()
        if refused := self._refused(key, len(content)):
            return refused
        self.objects[key] = (content, request.headers["content-type"])
        return JSONResponse({"Key": f"{BUCKET}/{key}", "Id": secrets.token_hex(8)})

    async def begin(self, request: Request) -> Response:
        pairs = (item.split(" ") for item in request.headers["upload-metadata"].split(","))
        metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
        length = int(request.headers["upload-length"])
        if refused := self._refused(metadata["objectName"], length):
            return refused
        upload = secrets.token_urlsafe(12)
        self.uploads[upload] = Upload(metadata["objectName"], length, metadata["contentType"])
        return Response(status_code=201, headers={"Location": f"{request.url}/{upload}"})

    async def resume(self, request: Request) -> Response:
        upload = self.uploads.get(request.path_params["upload"])
        if upload is None:
            return refusal(404, "not_found", "upload not found", status=404)
        if request.method == "PATCH":
            content = await request.body()
            if int(request.headers["upload-offset"]) != len(upload.received):
                return Response(status_code=409)
            upload.received += content
            if len(upload.received) == upload.length:
                self.objects[upload.key] = (bytes(upload.received), upload.content_type)
        headers = {"Upload-Offset": str(len(upload.received)), "Tus-Resumable": "1.0.0"}
        return Response(status_code=204 if request.method == "PATCH" else 200, headers=headers)

    async def info(self, request: Request) -> Response:
        if (found := self.objects.get(request.path_params["key"])) is None:
            return refusal(404, "not_found", "Object not found")
        content, kind = found
        # S3 gives the MD5 only of what came in one piece
        etag = hashlib.md5(content).hexdigest() + ("-2" if len(content) > 6 * 1024**2 else "")
        return JSONResponse({"size": len(content), "contentType": kind, "etag": f'"{etag}"'})

    async def download(self, request: Request) -> Response:
        if (found := self.objects.get(request.path_params["key"])) is None:
            return refusal(404, "not_found", "Object not found")
        content, kind = found
        wanted = request.headers.get("range")
        if wanted is None:
            return Response(content, media_type=kind)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        if int(first) >= len(content):
            return refusal(416, "InvalidRange", "the range is not satisfiable", status=416)
        part = content[int(first) : int(last) + 1 if last else None]
        return Response(
            part, 206, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"}
        )

    async def sign(self, request: Request) -> Response:
        key = request.path_params["key"]
        if key not in self.objects:
            return refusal(404, "not_found", "Object not found")
        seconds = (await request.json())["expiresIn"]
        return JSONResponse({"signedURL": f"/object/sign/{BUCKET}/{key}?token={seconds}"})

    async def signed(self, request: Request) -> Response:
        content, kind = self.objects[request.path_params["key"]]
        name = request.query_params.get("download")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else {}
        return Response(content, 200 if int(request.query_params["token"]) > 0 else 400, headers, kind)

    async def sign_upload(self, request: Request) -> Response:
        key = request.path_params["key"]
        if refused := self._refused(key, 0):
            return refused
        claims = {"url": f"{BUCKET}/{key}", "upsert": False, "exp": int(time.time()) + 7200}
        token = jwt.encode(claims, KEY, "HS256")
        return JSONResponse({"url": f"/object/upload/sign/{BUCKET}/{key}?token={token}", "token": token})

    async def signed_upload(self, request: Request) -> Response:
        """Without any other credentials."""
        key, content = request.path_params["key"], await request.body()
        try:
            claims = jwt.decode(request.query_params["token"], KEY, ["HS256"])
        except jwt.PyJWTError as error:
            return refusal(400, "InvalidJWT", str(error))
        if claims["url"] != f"{BUCKET}/{key}":
            return refusal(400, "InvalidSignature", "The URL does not match the signature")
        if refused := self._refused(key, len(content)):
            return refused
        self.objects[key] = (content, request.headers["content-type"])
        return JSONResponse({"Key": f"{BUCKET}/{key}"})

    async def list(self, request: Request) -> Response:
        wanted = await request.json()
        folder = f"{wanted['prefix']}/" if wanted["prefix"] else ""
        below = {key.removeprefix(folder) for key in self.objects if key.startswith(folder)}
        names = sorted({(rest.partition("/")[0], "/" in rest) for rest in below})
        page = names[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return JSONResponse([{"name": name, "id": None if is_folder else name} for name, is_folder in page])

    async def delete(self, request: Request) -> Response:
        keys = (await request.json())["prefixes"]
        gone = [key for key in keys if self.objects.pop(key, None)]
        return JSONResponse([{"name": key} for key in gone])

    def _damage(self, key: str) -> None:
        content, kind = self.objects[key]
        self.objects[key] = (content[:-1] + bytes([content[-1] ^ 1]), kind)

    def _refused(self, key: str, length: int) -> Response | None:
        if length > self.limit:
            return refusal(
                413, "Payload too large", "The object exceeded the maximum allowed size", status=413
            )
        if key in self.objects:
            return refusal(409, "Duplicate", "The resource already exists")
        return None


def refusal(code: int, word: str, message: str, *, status: int = 400) -> Response:
    return JSONResponse({"statusCode": str(code), "error": word, "message": message}, status)


def half(response: Response) -> Response:
    """Its length, and then only half of its bytes."""
    body = bytes(response.body)

    async def chunks() -> Any:
        yield body[: len(body) // 2]
        raise ConnectionResetError

    headers = {**response.headers, "content-length": str(len(body))}
    return StreamingResponse(chunks(), response.status_code, headers)


@contextmanager
def supabase(**given: Any) -> Iterator[tuple[str, SupabaseServer]]:
    server = SupabaseServer(**given)
    with socket.create_server(("127.0.0.1", 0)) as listener, answering(server.app(), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
