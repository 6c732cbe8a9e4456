"""Credits over HTTP: what one has, a grant by an admin, and 402 when there is nothing left."""

from uuid import uuid4

import pytest

from app.accounts.types import Role
from app.api import segment
from app.api.state import State
from app.api.uploads import Upload
from app.images.types import Image
from tests.api.test_bad_input import png
from tests.api.test_keys import refused
from tests.data.photos import CAT
from tests.gate import Gate
from tests.rows import an_image


def test_a_grant_is_seen_and_written_once(gate: Gate) -> None:
    user = gate.user()
    path = f"/api/admin/users/{user}/credits"
    with gate.person(user) as me, gate.person(gate.user(Role.ADMIN)) as admin:
        fresh = me.get("/api/account").json()
        assert (fresh["id"], fresh["role"], fresh["plan"]) == (str(user), "user", "prepaid")
        assert fresh["credits"] == {"available": 0, "granted": 0, "held": 0, "spent": 0}
        assert fresh["prices"] == {"sam2": 0.5, "clippingmagic": 1}
        refused(me.post(path, json={"credits": 5}), 403, "role_missing")
        key = {"Idempotency-Key": uuid4().hex}
        granted = [admin.post(path, json={"credits": 2.5, "note": "hello"}, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in granted] == [201, 201]
        assert granted[0].json() == granted[1].json()
        assert granted[0].json()["credits"]["available"] == 2.5
        assert me.get("/api/account").json()["credits"]["available"] == 2.5
        refused(admin.post(path, json={"credits": -3}), 402, "no_credits")
        lines = me.get("/api/account/statement.csv").text.splitlines()
        assert len(lines) == 2 and lines[1].endswith(",grant,,2.500,0.000,0.000,2.500,hello")


@pytest.mark.parametrize("credits", [0.0001, 1e9, "many", None, "NaN"])
def test_a_grant_that_cannot_be(gate: Gate, credits: object) -> None:
    with gate.person(gate.user(Role.ADMIN)) as admin:
        path = f"/api/admin/users/{gate.user()}/credits"
        refused(admin.post(path, json={"credits": credits}), 422, "bad_parameter")


def test_a_grant_to_nobody(gate: Gate) -> None:
    with gate.person(gate.user(Role.ADMIN)) as admin:
        refused(admin.post(f"/api/admin/users/{uuid4()}/credits", json={"credits": 1}), 404, "user_not_found")


def test_without_credits_encoding_is_free_and_a_cutout_is_402(gate: Gate) -> None:
    photo = {"image": ("cat.jpg", CAT.path.read_bytes())}
    with gate.person(gate.user()) as me:
        refused(me.post("/api/segment/remove", files=photo), 402, "no_credits")
        assert me.post("/api/segment/encode", files=photo).status_code == 202
        assert [job["kind"] for job in me.get("/api/jobs").json()["items"]] == ["encode"]


def test_usage_of_nothing(gate: Gate) -> None:
    with gate.person(gate.user()) as me:
        usage = me.get("/api/account/usage").json()
        assert (usage["days"], usage["months"]) == ([], [])
        assert set(usage["total"].values()) == {0}
        refused(me.get("/api/account/usage?days=0"), 422, "bad_parameter")


def test_usage_of_ten_cutouts(gate: Gate) -> None:
    """Ten cutouts at two cents instead of twelve and a half."""
    user = gate.user()
    gate.cutouts(user, 10, cost_micros=20_000)
    with gate.person(user) as me:
        total = me.get("/api/account/usage").json()["total"]
    assert (total["cutouts"], total["jobs"], total["failed"], total["credits"]) == (10, 10, 0, 5)
    assert (total["cost_usd"], total["saved_usd"]) == (0.2, 1.05)


def test_an_account_is_deleted_by_its_owner_who_says_so_twice(gate: Gate) -> None:
    user = gate.user()
    with gate.person(user) as me:
        assert me.post("/api/images", files={"image": ("cat.jpg", CAT.path.read_bytes())}).status_code == 201
        refused(me.delete("/api/account"), 422, "bad_parameter")
        refused(me.delete(f"/api/account?confirm={uuid4()}"), 422, "bad_parameter")
        gone = me.delete(f"/api/account?confirm={user}")
        assert gone.status_code == 200
        assert (gone.json()["images"], gone.json()["files"]) == (1, 1)
        assert gone.json()["bytes"] == CAT.path.stat().st_size
        refused(me.get("/api/account"), 401, "account_closed")


def test_an_admin_deletes_a_user_and_the_log_knows(gate: Gate) -> None:
    user, admin_id = gate.user(), gate.user(Role.ADMIN)
    with gate.person(admin_id) as admin:
        assert admin.post(f"/api/admin/users/{user}/credits", json={"credits": 1}).status_code == 201
        granted = admin.get("/api/admin/audit?limit=1").json()["items"][0]
        assert (granted["actor"], granted["action"], granted["subject"]) == (
            str(admin_id),
            "credits.granted",
            str(user),
        )
        assert granted["details"] == {"milli_credits": 1000, "note": None}
        assert admin.delete(f"/api/admin/users/{user}").status_code == 200
        refused(admin.delete(f"/api/admin/users/{user}"), 404, "user_not_found")
        erased = admin.get("/api/admin/audit?limit=1").json()["items"][0]
        assert (erased["actor"], erased["action"], erased["subject"]) == (str(admin_id), "user.erased", None)


def test_retention_of_an_account(gate: Gate) -> None:
    with gate.person(gate.user()) as me:
        assert me.patch("/api/account", json={"retention_days": 7}).json()["retention_days"] == 7
        assert me.get("/api/account").json()["retention_days"] == 7
        assert me.patch("/api/account", json={"retention_days": None}).json()["retention_days"] is None
        refused(me.patch("/api/account", json={"retention_days": 0}), 422, "bad_parameter")
        refused(me.patch("/api/account", json={}), 422, "bad_parameter")


def test_an_upload_that_cannot_be_paid_is_not_kept(gate: Gate) -> None:
    photo = {"image": ("cat.jpg", CAT.path.read_bytes())}
    with gate.person(gate.user()) as me:
        refused(me.post("/api/segment/remove", files=photo), 402, "no_credits")
        assert me.get("/api/images").json()["items"] == []


def test_a_mask_that_cannot_be_paid_is_not_kept_but_a_preview_is_free(gate: Gate) -> None:
    user = gate.user()
    image = str(an_image(gate.dsn, user))
    files = {"mask": ("mask.png", png((640, 480)), "image/png")}
    masks = gate.settings.storage_dir / "users" / str(user)
    with gate.person(user) as me:
        refused(me.post("/api/segment/apply-mask", data={"image_id": image}, files=files), 402, "no_credits")
        assert not list(masks.rglob("*.png"))
        preview = {"image_id": image, "preview": "true"}
        assert me.post("/api/segment/apply-mask", data=preview, files=files).status_code == 202
        assert list(masks.rglob("*.png"))


def test_a_mask_of_an_image_that_is_gone_meanwhile_is_not_kept(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = gate.user()
    image = str(an_image(gate.dsn, user))
    store_mask = segment._store_mask

    async def late(state: State, of: Image, mask: Upload) -> str:
        key = await store_mask(state, of, mask)
        await state["images"].delete(user, of.id)
        await state["store"].put(key, mask.path, "image/png")  # it came after the deletion
        return key

    monkeypatch.setattr(segment, "_store_mask", late)
    with gate.person(user) as me:
        form = {"image_id": image, "preview": "true"}
        answer = me.post("/api/segment/apply-mask", data=form, files={"mask": ("m.png", png((640, 480)))})
        refused(answer, 404, "image_not_found")
    assert not list((gate.settings.storage_dir / "users" / str(user)).rglob("*.png"))
