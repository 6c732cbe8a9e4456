"""`python -m app.db.snapshot`: write migrations/schema.sql, what all migrations together make."""

import re
import subprocess
import tempfile
from pathlib import Path

from app.db.embedded import EmbeddedPostgres
from app.db.migrations import MIGRATIONS, migrate

# versions, and pg_dump's \restrict with its random word, say nothing of the schema
_NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog.set_config.*)\n", re.MULTILINE)


def dump(dsn: str) -> str:
    """The schema `public` as SQL, by the pg_dump of the embedded Postgres."""
    arguments = ["--schema-only", "--schema=public", "--no-owner", "--no-comments", f"--dbname={dsn}"]
    done = subprocess.run(  # noqa: S603 - our own binary, our own arguments
        [EmbeddedPostgres.binary("pg_dump"), *arguments], capture_output=True, text=True, check=True
    )
    return re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", done.stdout)).strip() + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Postgres under root drops to another user
        server = EmbeddedPostgres(Path(folder) / "postgres")
        dsn = server.start()
        try:
            migrate(dsn)
            (MIGRATIONS / "schema.sql").write_text(dump(dsn), encoding="utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
