"""`/admin` as the roles see it, its charts, and the CSV."""

import csv
import io
import re
from datetime import UTC, date, datetime
from uuid import uuid4

import psycopg
import pytest

from app.accounts.types import Role
from app.api.admin_page.charts import line_chart
from app.api.admin_page.layout import table
from app.api.admin_page.now import Now, markup
from app.api.admin_page.savings import charts, saved_so_far, shares
from app.engines.names import EngineName
from app.flags.decide import decide_for_ours
from app.flags.types import Decision, Flag, Mode, Reason, Rules, Situation
from app.jobs.admin import QueueState
from app.jobs.repository import KindStats, QueueStats
from app.jobs.types import JobKind, JobStatus
from app.usage.types import DayUsage, Sums
from app.webhooks.types import Delivery
from tests.gate import Gate
from tests.rows import a_job, an_image

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


def test_what_is_wrong_now_stands_out() -> None:
    at = datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC)
    calm = Now(at, [], [], [], Rules(), Decision(EngineName.SAM2, Reason.NO_LEGACY, 1), [])
    assert "our own" in markup(calm) and markup(calm).count("None.") == 3
    failed = KindStats(JobKind.ENCODE, JobStatus.FAILED, "decode_limit", 3, None, None, None, 1, 0)
    good = KindStats(JobKind.REMOVE, JobStatus.SUCCEEDED, None, 7, 1.0, 2.0, 3.0, 0, 0)
    queue = QueueState(QueueStats("embed:lite", waiting=12, processing=2, oldest_s=4000.0, ended=5), None)
    delivery = Delivery(
        uuid4(), uuid4(), None, None, None, "job.failed", "https://hooks.example/secret", "{}",
        "pending", 2, 0, at, at, None,
    )  # fmt: skip
    unwell = Decision(EngineName.CLIPPINGMAGIC, Reason.FALLBACK, 1)
    shown = markup(Now(at, [queue], [good, failed], DAYS[2:], Rules(), unwell, [delivery]))
    for said in (
        "12:00:05",
        "1 h 7 min",
        "3 of 10",
        "$0.02",
        "4 images",
        "decode_limit",
        "hooks.example",
        "unwell",
    ):
        assert said in shown
    assert "secret" not in shown
    assert shown.count('class="bad"') == 4


@pytest.mark.parametrize(
    ("mode", "rules", "situation", "tile"),
    [
        ("auto", Rules(percentage=40), Situation(), "our own for 40 %"),
        ("false", Rules(percentage=40), Situation(), "ClippingMagic: USE_SAM2_EDITOR"),
        ("true", Rules(kill=True), Situation(fallback=True), "ClippingMagic: kill switch"),
        ("true", Rules(), Situation(), ">our own<"),
        ("auto", Rules(kill=True), Situation(legacy=False), ">our own<"),
        ("auto", Rules(), Situation(fallback=True), "ClippingMagic: ours is unwell"),
        ("auto", Rules(), Situation(fallback=True, budget_left=False), "the budget is spent"),
    ],
)
def test_the_tile_says_what_is_decided(mode: Mode, rules: Rules, situation: Situation, tile: str) -> None:
    ours = decide_for_ours(Flag(1, rules), mode, situation)
    assert tile in markup(Now(datetime.now(UTC), [], [], [], rules, ours, []))


def test_who_may_not_see_the_page_is_told_how(gate: Gate) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    with gate.client() as nobody:
        page = nobody.get("/admin", headers=browser)
        assert (page.status_code, page.headers["www-authenticate"]) == (401, "Bearer")
        assert '<a href="/sign-in?next=/admin">' in page.text
        assert nobody.get("/admin").json()["code"] == "not_signed_in"
    with gate.person(gate.user()) as person:
        page = person.get("/admin", headers=browser)
    assert (page.status_code, "cutout users grant" in page.text) == (403, True)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_section_of_now_is_fetched_by_itself(gate: Gate) -> None:
    user = gate.user()
    gate.cutouts(user, 2, cost_micros=30_000)
    with psycopg.connect(gate.dsn) as connection:
        job = a_job(gate.dsn, an_image(gate.dsn, user), user)
        connection.execute(
            "update jobs set status = 'failed', error = '{\"code\": \"of_this_test\"}', finished_at = now()"
            " where id = %s",
            (job,),
        )
    with gate.person(gate.user(Role.ADMIN)) as admin:
        part = admin.get("/admin/now")
        assert part.status_code == 200
        assert '<div id="now">' in admin.get("/admin").text
        assert "<html" not in part.text
        assert "of_this_test" in part.text and "done in the last minute" in part.text
    with gate.person(gate.user(Role.REVIEWER)) as reviewer:
        assert reviewer.get("/admin/now").json()["code"] == "role_missing"


def test_the_page_of_an_admin_and_of_a_reviewer(gate: Gate) -> None:
    user = gate.user()
    gate.cutouts(user, 3, cost_micros=10_000)
    with gate.person(gate.user(Role.ADMIN)) as admin:
        page = admin.get("/admin")
        assert page.status_code == 200
        assert "Cost per image" in page.text and "kill switch" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert page.text.count("<script>") == 1 and "script-src 'sha256-" in policy
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
