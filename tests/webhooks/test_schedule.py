from app.webhooks.schedule import wait_s


def test_the_schedule_is_the_one_of_the_specification() -> None:
    waits = [wait_s(step, 0.0) for step in range(11)]
    assert waits == [0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)), None]


def test_chance_only_adds_and_at_most_a_fifth() -> None:
    for step in range(10):
        least, most = wait_s(step, 0.0), wait_s(step, 0.999)
        assert least is not None
        assert most is not None
        assert least <= most <= 1.2 * least
