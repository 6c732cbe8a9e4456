"""A web process to be killed; prints its URL. Arguments: database URL, Redis URL, data folder."""

import sys
from pathlib import Path

from app.commands.serve import listen, serve, url_of
from app.main import create_app
from app.settings import EmbeddedSettings


def main(database_url: str, redis_url: str, data_dir: str) -> None:
    settings = EmbeddedSettings.load(
        database_url=database_url, redis_url=redis_url, data_dir=Path(data_dir), port=0
    )
    listener = listen(settings.host, settings.port)
    print(url_of(listener), flush=True)
    serve(create_app(settings), listener)


if __name__ == "__main__":
    main(*sys.argv[1:])
