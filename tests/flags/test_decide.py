"""Who gets which engine: the order of DESIGN §12, and that a user stays where they are."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engines.names import EngineName
from app.flags.decide import decide, place
from app.flags.types import Flag, Mode, Rules, Situation, Subject

SAM2, LEGACY = EngineName.SAM2, EngineName.CLIPPINGMAGIC
ME = UUID("0190a000-0000-7000-8000-000000000001")
SPACE = UUID(int=7)
shares = st.floats(0, 100)


def made(rules: Rules, mode: Mode = "auto", subject: Subject | None = None, **situation: bool) -> str:
    decision = decide(Flag(3, rules), mode, subject or Subject(ME), Situation(**situation))
    assert decision.flag_version == 3
    return f"{decision.engine} {decision.reason}"


@given(st.uuids(), shares, shares)
def test_raising_the_percentage_moves_nobody_back(user: UUID, one: float, other: float) -> None:
    less, more = sorted((one, other))
    before, after = (
        decide(Flag(1, Rules(percentage=share)), "auto", Subject(user), Situation()) for share in (less, more)
    )
    assert (before.engine, after.engine) != (SAM2, LEGACY)


@given(st.uuids(), shares, st.integers(1, 1000))
def test_a_user_stays_with_the_same_rules(user: UUID, share: float, version: int) -> None:
    """Whatever the version, the e-mail address and the process."""
    rules = Rules(percentage=share)
    first = decide(Flag(1, rules), "auto", Subject(user), Situation())
    second = decide(Flag(version, rules), "auto", Subject(user, "someone@shop.example"), Situation())
    assert first.engine is second.engine


@pytest.mark.parametrize("percentage", [0, 1, 10, 50, 99.9, 100])
def test_of_100_000_users_the_percentage_within_half_a_percent(percentage: float) -> None:
    inside = sum(place(uuid5(SPACE, str(number))) < percentage for number in range(100_000))
    assert abs(inside / 1000 - percentage) <= 0.5


def test_another_flag_picks_other_users() -> None:
    users = [uuid5(SPACE, str(number)) for number in range(1000)]
    both = sum(place(user) < 50 and place(user, "another") < 50 for user in users)
    assert 200 < both < 300


ALL = Rules(kill=True, percentage=100, allow=frozenset({str(ME)}))
DENIED = Rules(percentage=100, allow=frozenset({str(ME)}), deny=frozenset({str(ME)}))
ALLOWED = Rules(percentage=0, allow=frozenset({str(ME)}))


@pytest.mark.parametrize(
    ("rules", "mode", "subject", "said"),
    [
        (ALL, "false", Subject(ME, None, SAM2), "clippingmagic env_off"),
        (ALL, "true", Subject(ME, None, SAM2), "clippingmagic kill_switch"),
        (Rules(), "true", Subject(ME, None, LEGACY), "sam2 env_on"),
        (DENIED, "auto", Subject(ME, None, SAM2), "sam2 override"),
        (ALLOWED, "auto", Subject(ME, None, LEGACY), "clippingmagic override"),
        (DENIED, "auto", Subject(ME), "clippingmagic denied"),
        (ALLOWED, "auto", Subject(ME), "sam2 allowed"),
        (Rules(percentage=100), "auto", Subject(ME), "sam2 percentage"),
        (Rules(), "auto", Subject(ME), "clippingmagic percentage"),
        (Rules(allow=frozenset({"@Shop.Example"})), "auto", Subject(ME, "a@shop.example"), "sam2 allowed"),
        (
            Rules(allow=frozenset({"@shop.example"})),
            "auto",
            Subject(ME, "a@myshop.example"),
            "clippingmagic percentage",
        ),
    ],
)
def test_the_order_of_the_rules(rules: Rules, mode: Mode, subject: Subject, said: str) -> None:
    assert made(rules, mode, subject) == said


def test_what_our_health_allows() -> None:
    everybody = Rules(percentage=100)
    assert made(everybody, fallback=True) == "clippingmagic fallback"
    assert made(everybody, "true", fallback=True) == "clippingmagic fallback"
    assert made(everybody, fallback=True, budget_left=False) == "sam2 budget_spent"
    assert made(Rules(), fallback=True, budget_left=False) == "clippingmagic percentage"


def test_without_the_legacy_engine_nobody_is_sent_there() -> None:
    modes: tuple[Mode, ...] = ("auto", "true", "false")
    for mode in modes:
        assert made(Rules(kill=True), mode, legacy=False) == "sam2 no_legacy"
