"""`/api/editor` and `/api/admin/flags/…`. The gate's server has no ClippingMagic: all get `sam2`."""

import httpx

from app.accounts.types import Role
from tests.gate import Gate

FLAG = "/api/admin/flags/sam2_editor"


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_an_admin_sets_rules_and_the_log_knows(gate: Gate) -> None:
    admin_id, user = gate.user(Role.ADMIN), gate.user()
    with gate.person(admin_id) as admin:
        before = admin.get(FLAG).json()
        after = admin.patch(FLAG, json={"percentage": 25, "allow": [str(user)]})
        assert after.status_code == 200
        assert after.json()["version"] == before["version"] + 1
        assert after.json()["rules"]["allow"] == [str(user)]
        assert after.json()["changed_by"] == str(admin_id)
        refused(admin.patch(FLAG, json={"percentage": 200}), 422, "flag_invalid")
        refused(admin.patch(FLAG, json={"colour": "red"}), 422, "flag_invalid")
        shown = admin.get(FLAG).json()
        assert shown["rules"]["percentage"] == 25
        assert shown["history"][0]["rules"]["percentage"] == 25
        deed = admin.get("/api/admin/audit?limit=1").json()["items"][0]
        assert (deed["actor"], deed["action"]) == (str(admin_id), "flag.set")
        assert deed["details"]["percentage"] == 25


def test_an_admin_overrides_one_user(gate: Gate) -> None:
    user = gate.user()
    with gate.person(gate.user(Role.ADMIN)) as admin:
        here = f"{FLAG}/overrides/{user}"
        assert admin.put(here, json={"engine": "clippingmagic"}).status_code == 204
        assert admin.get(FLAG).json()["overrides"][str(user)] == "clippingmagic"
        refused(admin.put(here, json={"engine": "photoshop"}), 422, "bad_parameter")
        assert admin.delete(here).status_code == 204
        assert str(user) not in admin.get(FLAG).json()["overrides"]


def test_a_user_asks_which_editor(gate: Gate) -> None:
    with gate.person(gate.user()) as me:
        answer = me.get("/api/editor")
        assert answer.json().keys() == {"engine", "reason", "flag_version"}
        assert (answer.json()["engine"], answer.json()["reason"]) == ("sam2", "no_legacy")
        refused(me.get("/api/editor?engine=sam2"), 400, "unknown_parameter")
