"""`cutout setup-roles`: what a worker on a rented host gets instead of the master keys."""

import asyncio
import secrets
from typing import Annotated

import typer
from psycopg import sql

from app.roles import service
from app.settings import Settings


def setup_roles(
    *,
    apply: Annotated[bool, typer.Option(help="Make them now; else they are only printed.")] = False,
) -> None:
    """Roles for `cutout worker embed` on a rented host. Needs DATABASE_URL and REDIS_URL.

    Run it as the database's owner. With --apply it prints the variables of the host, with new passwords: the
    ones before are good no longer. Without, it prints the SQL and the ACL line.
    """
    settings = Settings.load()
    password = secrets.token_urlsafe(24)
    database, acl = service.database_sql(password), service.acl(password)
    storage = service.storage_sql(settings.supabase_bucket)
    if apply:
        _apply(settings, database, acl, storage)
    else:
        typer.echo(f"{database.as_string()}\n\n{storage.as_string()}")
        typer.echo(f"-- Redis\n-- ACL SETUSER {' '.join(acl)}\n\n-- of the host")
    for name, value in _environment(settings, password).items():
        typer.echo(f"{'' if apply else '-- '}{name}={value}")


def _apply(settings: Settings, database: sql.Composed, acl: list[str], storage: sql.Composed) -> None:
    services = settings.services()
    service.apply_database(services.database_url, database)
    if service.has_storage(services.database_url):
        service.apply_database(services.database_url, storage)
    asyncio.run(service.apply_redis(services.redis_url, acl))


def _environment(settings: Settings, password: str) -> dict[str, str]:
    services = settings.services()
    found = {
        "DATABASE_URL": service.as_role(services.database_url, password),
        "REDIS_URL": service.as_role(services.redis_url, password),
        "SUPABASE_URL": settings.supabase_url or "",
        "CUTOUT_SUPABASE_BUCKET": settings.supabase_bucket,
    }
    if settings.supabase_jwt_secret is not None:
        found["SUPABASE_SERVICE_ROLE_KEY"] = service.storage_token(settings.supabase_jwt_secret)
    return found
