"""The document names every call, and the types by which each is really checked."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.api.openapi.handlers import _document
from app.api.openapi.operations import OPERATIONS
from app.api.params import NoParams
from app.api.routes import CALLS
from app.errors import AppError
from tests.api.openapi.errors import table

DOCS = Path(__file__).parents[3] / "docs"


def test_every_call_is_there_and_no_other() -> None:
    assert OPERATIONS.keys() == CALLS.keys()


@pytest.mark.parametrize("call", sorted(OPERATIONS), ids=" ".join)
def test_a_call_is_checked_by_the_types_that_it_names(call: tuple[str, str]) -> None:
    source = inspect.getsource(inspect.getmodule(CALLS[call][0]) or CALLS[call][0])
    operation = OPERATIONS[call]
    for model in (operation.query, operation.body):
        if model not in {None, NoParams}:
            assert re.search(rf"\b{model.__name__}\b", source), f"{call}: {model.__name__}"


def test_ids_of_operations_are_their_own() -> None:
    ids = [operation["operationId"] for path in _document()["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere() -> None:
    document = _document()
    schemas = document["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references(document)} <= schemas.keys()


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    return set[str]().union(*(references(item) for item in value)) if isinstance(value, list) else set()


def test_the_docs_name_every_code() -> None:
    assert table() in (DOCS / "errors.md").read_text()


def test_each_code_means_one_thing() -> None:
    by_code: dict[str, list[str]] = {}
    for error in every(AppError):
        by_code.setdefault(error.code, []).append(error.__name__)
    inherited = {"internal", "forbidden", "embedded_service_failed"}
    assert {code: names for code, names in by_code.items() if len(names) > 1 and code not in inherited} == {}


def every(error: type[AppError]) -> set[type[AppError]]:
    return {error}.union(*(every(each) for each in error.__subclasses__()))


def test_models_of_requests_are_documented_types() -> None:
    assert all(
        issubclass(operation.query, BaseModel)
        and (operation.body is None or issubclass(operation.body, BaseModel))
        for operation in OPERATIONS.values()
    )
