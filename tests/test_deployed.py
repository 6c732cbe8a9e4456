"""The Procfile as an operator starts it: servers by URL, tokens, storage over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from models.registry import Registry
from tests.data.photos import CAT
from tests.deployed import Deployed, deployed, environment
from tests.issuer import Signer, issuing
from tests.services import fresh_database
from tests.stack import succeeded
from tests.storage.supabase_server import BUCKET, KEY, SupabaseServer, supabase


@dataclass(frozen=True)
class Shop:
    product: Deployed
    signer: Signer
    storage: SupabaseServer

    def tells(self, process: str, figure: str) -> None:
        """That it stands at one in the process's metrics."""
        assert f"{figure} 1.0" in self.product.metrics(process).splitlines()


@pytest.fixture
def shop(postgres: str, redis_server: str, registry: Registry, tmp_path: Path) -> Iterator[Shop]:
    with issuing() as signer, supabase() as (storage, server):
        variables = environment(
            tmp_path,
            DATABASE_URL=fresh_database(postgres),
            REDIS_URL=f"{redis_server}?db=3",
            SUPABASE_URL=signer.issuer.removesuffix("/auth/v1"),
            SUPABASE_SERVICE_ROLE_KEY=KEY,
            CUTOUT_STORAGE_URL=storage,
            CUTOUT_SUPABASE_BUCKET=BUCKET,
            CUTOUT_MODELS_DIR=str(registry.root),
        )
        with deployed(tmp_path, variables) as product:
            yield Shop(product, signer, server)


def test_the_procfile_serves_a_cutout(shop: Shop) -> None:
    user, server = uuid4(), shop.storage
    token = {"Authorization": f"Bearer {shop.signer.token(user)}"}
    with httpx.Client(base_url=shop.product.url, headers=token, timeout=120, trust_env=False) as client:
        assert client.get("/api/account").status_code == 200  # known from the first sight on
        shop.product.cutout("credits", "grant", str(user), "1")
        with CAT.path.open("rb") as photo:
            job = succeeded(client, client.post("/api/segment/remove", files={"image": ("cat.jpg", photo)}))
        result = client.get(job["result"]["url"])
        assert result.status_code == 200
        assert result.content == server.objects[stored(server, user, "results")][0]
        shop.tells(
            "web", 'cutout_request_seconds_count{method="POST",route="/api/segment/remove",status="202"}'
        )
        shop.tells("embed", 'cutout_step_seconds_count{kind="remove",step="encode"}')
        shop.tells("mask", 'cutout_jobs_total{code="",kind="remove",outcome="succeeded"}')
        assert client.delete(f"/api/images/{job['image']['id']}").status_code in {200, 204}
    assert stored(server, user, "original") == ""


def stored(server: SupabaseServer, user: object, part: str) -> str:
    """The user's object whose key has this part; empty without one."""
    keys = [key for key in server.objects if str(user) in key and part in key]
    return keys[0] if keys else ""
