"""`/admin` as the roles see it, its charts, and the CSV."""

import csv
import io
import re
from datetime import date

import pytest

from app.accounts.types import Role
from app.api.admin_page.charts import line_chart
from app.api.admin_page.layout import table
from app.api.admin_page.savings import charts, saved_so_far, shares
from app.usage.types import DayUsage, Sums
from tests.gate import Gate

D1, D2 = date(2026, 11, 1), date(2026, 11, 2)
DAYS = [
    DayUsage(D1, Sums("clippingmagic", cutouts=3, cost_micros=375_000), 20.0),
    DayUsage(D1, Sums("sam2", cutouts=1, cost_micros=5_000), 4.0),
    DayUsage(D2, Sums("sam2", cutouts=4, cost_micros=20_000), None),
]


def test_what_is_drawn() -> None:
    assert saved_so_far(DAYS) == [(D1, 0.12), (D2, 0.60)]
    assert shares(DAYS) == {"clippingmagic": [(D1, 75.0)], "sam2": [(D1, 25.0), (D2, 100.0)]}
    cost, _, _, seconds = charts(DAYS)
    assert 'aria-label="Cost per image: clippingmagic $0.1250, sam2 $0.0050"' in cost
    assert "sam2 4.0 s" in seconds
    assert all("Nothing yet." in chart for chart in charts([]))


def test_lines_stay_inside_the_picture() -> None:
    chart = line_chart("A", {"a": [(D1, -3.0), (D2, 7.0)], "b": [(D2, 0.0)]}, "{:.1f}")
    for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart):
        assert 56 <= float(x) <= 552 and 12 <= float(y) <= 158


def test_what_others_wrote_is_escaped() -> None:
    assert "<script>" not in table(("a",), [("<script>",)]) + line_chart(
        "<script>", {"<script>": [(D1, 1)]}, "{}"
    )


@pytest.mark.xdist_group("stack")
def test_the_page_of_an_admin_and_of_a_reviewer(gate: Gate) -> None:
    user = gate.user()
    gate.cutouts(user, 3, cost_micros=10_000)
    with gate.person(gate.user(Role.ADMIN)) as admin:
        page = admin.get("/admin")
        assert page.status_code == 200
        assert "Cost per image" in page.text and "kill switch" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "script" not in page.text
        lines = list(csv.DictReader(io.StringIO(admin.get("/api/admin/usage.csv?days=1").text)))
        mine = [line for line in lines if line["user_id"] == str(user)]
        assert [line["cost_micros"] for line in mine] == ["10000"] * 3
        assert admin.post("/admin/flag", files={"kill": (None, "true")}).headers["location"] == "/admin"
        assert "Take the kill switch back" in admin.get("/admin").text
        form = {"kill": (None, "false"), "percentage": (None, "12.5")}
        assert admin.post("/admin/flag", files=form).status_code == 303
        assert 'value="12.5"' in admin.get("/admin").text
        refused = admin.post("/admin/flag", files={"percentage": (None, "many")})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_parameter")
    with gate.person(gate.user(Role.REVIEWER)) as reviewer:
        page = reviewer.get("/admin")
        assert page.status_code == 200
        assert "Cost per image" not in page.text
