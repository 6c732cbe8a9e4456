"""The short form of `python -m benchmarks.batches`: what must hold on any machine, without its times."""

from benchmarks.batches import Plan, broken, name, run

SHORT = Plan(20, 2, 1, kills=((0.1, "mask"), (0.5, "web")))


async def test_a_batch_outlives_its_worker_and_its_web() -> None:
    figures = await run(SHORT)
    assert figures.killed == ["mask", "web"]
    good = [name(number) for number in range(SHORT.images) if number not in broken(SHORT)]
    assert figures.names == [each.replace(".jpg", ".png") for each in good]
    failed = {row["name"]: row["code"] for row in figures.report if row["state"] == "failed"}
    assert failed == {name(number): "truncated" for number in broken(SHORT)}
    assert [told["type"] for told in figures.webhooks] == ["batch.completed"]
