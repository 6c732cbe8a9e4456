"""OpenAPI 3.1 of the route table, made of the types that requests are checked by and answers rendered in."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from app.accounts.errors import Forbidden, NotSignedIn, ScopeMissing, SignInUnavailable, TooMuch
from app.api.auth import Need
from app.api.documents import ProblemDocument, RemovebgErrors
from app.api.errors import (
    BadParameter,
    BodyTooLarge,
    BodyTooSlow,
    DigestMismatch,
    ForeignRequest,
    MalformedBody,
    RangeUnsatisfiable,
    RepeatedParameter,
    TooManyUploads,
    TwoCredentials,
    UnknownParameter,
    UnsupportedBody,
)
from app.api.openapi.operation import Error, Events, File, Operation
from app.api.params import JSON_FIELDS
from app.api.removebg import errors as removebg
from app.db.errors import DatabaseUnavailable
from app.errors import Internal

OF_EVERY_CALL = (UnknownParameter, RepeatedParameter, BadParameter, DatabaseUnavailable, Internal)
OF_GUARDED_CALLS = (
    NotSignedIn,
    TwoCredentials,
    Forbidden,
    ScopeMissing,
    ForeignRequest,
    TooMuch,
    SignInUnavailable,
)
OF_BODIES = (MalformedBody, UnsupportedBody, BodyTooLarge, BodyTooSlow, DigestMismatch, TooManyUploads)
_CONVERTOR = re.compile(r"\{(\w+)(?::(\w+))?\}")
_REFERENCES = "#/components/schemas/{model}"
_IDEMPOTENCY = "The same call with the same key is done once; with another body it is refused."
_WAIT = "`wait=N`, at most 60: answers when the job has ended, or after N seconds as it stands."

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one path."""

    method: str
    path: str
    handler: Callable[..., Any]
    need: Need | None
    """None: for anybody."""
    operation: Operation


def document(calls: Iterable[Call], *, title: str, version: str, description: str) -> Schema:
    calls = list(calls)
    schemas = _Schemas(calls)
    paths: dict[str, Schema] = {}
    for call in calls:
        paths.setdefault(_path(call.path), {})[call.method.lower()] = _operation(call, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "paths": paths,
        "components": {"schemas": schemas.definitions, "securitySchemes": SECURITY},
    }


SECURITY = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "`cut_…`, from /account",
    },
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


class _Schemas:
    """JSON Schema of every type that is named, with shared definitions."""

    def __init__(self, calls: Iterable[Call]) -> None:
        wanted: dict[tuple[str, JsonSchemaMode], Any] = {}
        for call in calls:
            operation = call.operation
            for model in (operation.query, operation.body):
                if model is not None:
                    wanted[_key(model), "validation"] = model
            for answer in operation.answers.values():
                for kind in answer if isinstance(answer, tuple) else (answer,):
                    document = kind.data if isinstance(kind, Events) else kind
                    if document is not None and not isinstance(document, File):
                        wanted[_key(document), "serialization"] = document
        for kind in (ProblemDocument, RemovebgErrors):
            wanted[_key(kind), "serialization"] = kind
        inputs = [(name, mode, TypeAdapter(kind)) for (name, mode), kind in wanted.items()]
        self._found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCES)
        self.definitions: Schema = shared["$defs"]

    def of(self, kind: Any, mode: Literal["validation", "serialization"]) -> Schema:
        found: Schema = self._found[_key(kind), mode]
        return found

    def fields(self, model: type[BaseModel]) -> tuple[Mapping[str, Schema], list[str]]:
        """(its properties, the names of those that must be there)."""
        schema = self.of(model, "validation")
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return schema.get("properties", {}), schema.get("required", [])


def _operation(call: Call, schemas: _Schemas) -> Schema:
    operation, text = call.operation, inspect.getdoc(call.handler) or ""
    name = f"{call.handler.__module__.rpartition('.')[2]}_{call.handler.__name__}"
    found: Schema = {
        "operationId": name,
        "tags": [call.handler.__module__.removeprefix("app.api.").partition(".")[0]],
        "summary": call.handler.__name__.replace("_", " "),
        "description": text,
        "parameters": [*_in_path(call.path), *_in_query(operation, schemas), *_in_header(operation)],
        "responses": _answers(call, schemas),
    }
    if operation.takes_body:
        found["requestBody"] = _body(operation, schemas)
    if call.need is not None:
        found["security"] = [{"key": []}, {"token": []}]
        found["description"] = f"{text}\n\nNeeds the scope `{call.need.scope}`.".strip()
    return found


def _path(path: str) -> str:
    return _CONVERTOR.sub(r"{\1}", path)


def _in_path(path: str) -> list[Schema]:
    kinds = {"uuid": {"type": "string", "format": "uuid"}, "int": {"type": "integer", "minimum": 0}}
    return [
        {"name": name, "in": "path", "required": True, "schema": kinds.get(kind, {"type": "string"})}
        for name, kind in _CONVERTOR.findall(path)
    ]


def _in_query(operation: Operation, schemas: _Schemas) -> list[Schema]:
    properties, required = schemas.fields(operation.query)
    found = []
    for name, schema in properties.items():
        parameter = {"name": name, "in": "query", "required": name in required, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        found.append(parameter)
    return found


def _in_header(operation: Operation) -> list[Schema]:
    found = []
    if operation.idempotent:
        kind = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "description": _IDEMPOTENCY, "schema": kind})
    if operation.waits:
        kind = {"type": "string", "pattern": "^wait=([0-5]?[0-9]|60)$"}
        found.append({"name": "Prefer", "in": "header", "description": _WAIT, "schema": kind})
    return found


def _body(operation: Operation, schemas: _Schemas) -> Schema:
    content: Schema = {}
    model = operation.body
    if model is not None:
        content["application/json"] = {"schema": schemas.of(model, "validation")}
        if operation.examples:
            examples = {name: {"value": value} for name, value in operation.examples.items()}
            content["application/json"]["examples"] = examples
    if operation.binary:
        content[operation.binary] = {"schema": {"type": "string", "format": "binary"}}
    if operation.parts:
        content["multipart/form-data"] = _form(operation, schemas)
    if operation.urlencoded and model is not None:
        content["application/x-www-form-urlencoded"] = {"schema": schemas.of(model, "validation")}
    return {"required": True, "content": content}


def _form(operation: Operation, schemas: _Schemas) -> Schema:
    """What is JSON in a JSON body is JSON in a part of its own here."""
    properties: Schema = {name: {"type": "string", "format": "binary"} for name in operation.parts}
    required: list[str] = []
    encoding: Schema = {}
    if operation.body is not None:
        fields, required = schemas.fields(operation.body)
        properties |= fields
        encoding = {name: {"contentType": "application/json"} for name in fields if name in JSON_FIELDS}
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"schema": schema, "encoding": encoding}


def _answers(call: Call, schemas: _Schemas) -> Schema:
    found: Schema = {}
    for status, answer in call.operation.answers.items():
        kinds = answer if isinstance(answer, tuple) else (answer,)
        content: Schema = {}
        for kind in kinds:
            content |= _content(kind, schemas)
        found[str(status)] = {"description": HTTPStatus(status).phrase}
        if content:
            found[str(status)]["content"] = content
        if any(isinstance(kind, File) and kind.ranges for kind in kinds):
            found["206"] = {"description": HTTPStatus.PARTIAL_CONTENT.phrase, "content": content}
            found["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    for status, errors in sorted(_errors(call).items()):
        found.setdefault(str(status), _refusal(call, status, errors, schemas))
    return found


def _content(kind: Any, schemas: _Schemas) -> Schema:
    if kind is None:
        return {}
    if isinstance(kind, File):
        return {kind.media_type: {"schema": {"type": "string", "format": "binary"}}}
    if isinstance(kind, Events):
        return {"text/event-stream": {"schema": _event(schemas.of(kind.data, "serialization"))}}
    return {"application/json": {"schema": schemas.of(kind, "serialization")}}


def _event(data: Schema) -> Schema:
    text = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    names = {"event": {"enum": ["job", "error"]}, "id": {"type": "string"}, "retry": {"type": "integer"}}
    return {"type": "object", "properties": {**names, "data": text}}


def _errors(call: Call) -> dict[int, list[Error]]:
    operation = call.operation
    errors: list[Error] = [*OF_EVERY_CALL, *operation.errors]
    if call.need is not None:
        errors += OF_GUARDED_CALLS
    if operation.takes_body:
        errors += OF_BODIES
    if any(isinstance(answer, File) and answer.ranges for answer in operation.answers.values()):
        errors.append(RangeUnsatisfiable)
    by_status: dict[int, list[Error]] = {}
    for error in dict.fromkeys(errors):
        status = removebg.theirs(error.status, error.code)[0] if _is_removebg(call) else error.status
        by_status.setdefault(status, []).append(error)
    return by_status


def _refusal(call: Call, status: int, errors: list[Error], schemas: _Schemas) -> Schema:
    codes, media_type = {error.code for error in errors}, "application/problem+json"
    kind: Any = ProblemDocument
    if _is_removebg(call):
        codes = {removebg.theirs(error.status, error.code)[1] for error in errors}
        media_type, kind = "application/json", RemovebgErrors
    told = ", ".join(f"`{code}`" for code in sorted(codes))
    return {
        "description": f"{HTTPStatus(status).phrase}: {told}",
        "content": {media_type: {"schema": schemas.of(kind, "serialization")}},
    }


def _is_removebg(call: Call) -> bool:
    return call.path.startswith(removebg.PREFIX)


def _key(kind: Any) -> str:
    return str(kind)
