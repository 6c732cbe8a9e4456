from uuid import UUID

import pytest

from app.accounts.keyring import Keyring
from app.accounts.service import AccountService
from app.db.pool import Pool
from tests.rows import a_user


@pytest.fixture
def owner(dsn: str) -> UUID:
    return a_user(dsn)


@pytest.fixture
def accounts(pool: Pool) -> AccountService:
    return AccountService(pool)


@pytest.fixture
def keyring(pool: Pool) -> Keyring:
    return Keyring(pool)
