"""`cutout credits …`: what users have left."""

from decimal import Decimal, InvalidOperation
from typing import Annotated
from uuid import UUID

import typer

from app.accounts.service import AccountService
from app.commands.accounts import Who, ask
from app.commands.output import AsJson, print_json
from app.commands.running import NEEDS
from app.credits.service import Credits, milli
from app.credits.statement import decimal, statement_csv
from app.credits.types import MAX_GRANT, Balance, Plan
from app.db.pool import Pool
from app.errors import BadInput

credits_app = typer.Typer(
    name="credits",
    help=f"What users have left. {NEEDS}",
    no_args_is_help=True,
)


class BadAmount(BadInput):
    code = "bad_amount"


@credits_app.command()
def show(who: Who, *, as_json: AsJson = False) -> None:
    """The user's plan and credits; in JSON as milli-credits."""

    async def find(pool: Pool) -> Balance:
        return await Credits(pool).balance(await _id(pool, who))

    balance = ask(find)
    if as_json:
        print_json(Balance, balance)
    else:
        _print(balance)


@credits_app.command()
def grant(
    who: Who,
    amount: Annotated[str, typer.Argument(metavar="CREDITS", help="After `--`, -5 takes five back.")],
    note: Annotated[str | None, typer.Option(help="For the statement.")] = None,
) -> None:
    """Give credits."""
    credits = _amount(amount)

    async def give(pool: Pool) -> Balance:
        service, user_id = Credits(pool), await _id(pool, who)
        await service.grant(user_id, credits, note)
        return await service.balance(user_id)

    _print(ask(give))


@credits_app.command("plan")
def set_plan(
    who: Who, plan: Annotated[Plan, typer.Argument(help="`unmetered` counts and never refuses.")]
) -> None:
    """Set how the user pays."""

    async def change(pool: Pool) -> Balance:
        service, user_id = Credits(pool), await _id(pool, who)
        await service.set_plan(user_id, plan)
        return await service.balance(user_id)

    _print(ask(change))


@credits_app.command()
def statement(who: Who) -> None:
    """Every entry of the user's ledger as CSV."""

    async def write(pool: Pool) -> None:
        async for line in statement_csv(Credits(pool).statement(await _id(pool, who))):
            typer.echo(line, nl=False)

    ask(write)


def _amount(text: str) -> int:
    """Milli-credits. Raises BadAmount."""
    try:
        amount = Decimal(text)
        if abs(amount) <= MAX_GRANT:
            return milli(amount)
    except (InvalidOperation, ValueError):
        pass
    raise BadAmount(f"{text}: not an amount of at most {MAX_GRANT:,} credits with up to three decimals")


async def _id(pool: Pool, who: str) -> UUID:
    return (await AccountService(pool).find(who)).id


def _print(balance: Balance) -> None:
    names = ("available", "granted", "held", "spent")
    words = " ".join(f"{name}={decimal(getattr(balance, name))}" for name in names)
    typer.echo(f"{balance.user_id}: {balance.plan} {words}")
