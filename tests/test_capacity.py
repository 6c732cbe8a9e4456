"""docs/capacity.md says what was measured, at the prices that stand in the repository."""

import pytest

from benchmarks._capacity import DEPLOYMENTS, VOLUMES, bill, kinds
from benchmarks.load import PAGE, kept, page


def test_the_page_is_made_of_the_figures() -> None:
    assert PAGE.read_text() == page(kept())  # python -m benchmarks.load --tables


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_more_images_need_more_machines_and_cost_less_each(deployment: str) -> None:
    bills = [bill(kept(), deployment, volume) for volume in VOLUMES]
    assert all(count >= 1 for each in bills for count in each.machines.values())
    machines = [sum(each.machines.values()) for each in bills]
    assert machines == sorted(machines)
    costs = [each.per_1000(volume) for each, volume in zip(bills, VOLUMES, strict=True)]
    assert costs == sorted(costs, reverse=True)


def test_no_gpu_is_taken_for_faster_than_its_host() -> None:
    embed, *_, serverless, box = kinds(kept())
    assert serverless.images_s > embed.images_s
    assert box.usd_month > 0
