"""What commands print: tables for people, JSON for programs."""

import sys
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]

_PIPE_COLUMNS = 160
"""Where nobody looks there is no screen to fit: an id on one line can be cut out of it."""


def print_rows(rows: Table) -> None:
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    Console(width=width, markup=False, highlight=False).print(rows)


def print_json(kind: Any, value: object) -> None:
    typer.echo(TypeAdapter(kind).dump_json(value, indent=2).decode())
