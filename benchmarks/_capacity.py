"""From one run of `benchmarks.load` to images a day and dollars: pure arithmetic, and the tables of docs."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import _prices as price
from benchmarks._prices import MONTH_H

DAY_S = 86_400
DAYS = 30
PEAK = 3.0
"""Busiest hour over the day's average, assumed of shops: machines are bought for it."""
VOLUMES = (1_000, 10_000, 100_000, 1_000_000)
"""Images a day: today's order of magnitude, and 10, 100, 1000 times that."""
STORED_DAYS = 30
_QUIET = 0.2
"""Cores that an idle machine uses."""
POSTGRES_JOBS_S = 3893
"""docs/jobs.md, `python -m benchmarks.queue`, two cores."""


@dataclass(frozen=True)
class Measured:
    """Of one visit: a photo up, encoded, opened, cut out, down."""

    date: str
    machine: str
    others: float
    """Cores that were busy with something else meanwhile."""
    cpu_s: dict[str, float]
    """Seconds of CPU by process."""
    encoder_cpu_s: float
    """Of embed's, those in the encoder: a GPU takes them over."""
    up: float
    down: float
    """Bytes."""
    steps: list[dict[str, Any]]
    """By visitors at once: images a second, and seconds by stage."""

    @property
    def stored(self) -> float:
        """Bytes that stay until the image is deleted."""
        return self.up + self.down

    @property
    def embed_rest(self) -> float:
        """Seconds of CPU of an embed worker whose encoder is on a GPU."""
        return self.cpu_s["embed"] - self.encoder_cpu_s

    @property
    def best(self) -> dict[str, Any]:
        return max(self.steps, key=lambda step: float(step["images_s"]))


@dataclass(frozen=True)
class Kind:
    """A machine doing one thing."""

    name: str
    images_s: float
    usd_month: float
    limit: str
    """What of it is used up first."""


def kinds(m: Measured) -> list[Kind]:
    cores = price.FLY_WORKER_CORES
    shared = price.FLY_WEB_CORES * price.FLY_SHARED_SHARE
    rest = m.embed_rest
    serverless_month = MONTH_H * (
        price.SERVERLESS_GPU.usd + price.SERVERLESS_CORES * price.SERVERLESS_CPU.usd
    )
    # a physical core counts for two of the threads that a cloud sells, and that were measured here
    serverless, box = (2 * n / rest for n in (price.SERVERLESS_CORES, price.GPU_BOX_CORES / 2))
    return [
        Kind("embed, Fly performance-2x, `lite`", cores / m.cpu_s["embed"], price.FLY_WORKER.usd, "CPU"),
        Kind("mask, Fly performance-2x", cores / m.cpu_s["mask"], price.FLY_WORKER.usd, "CPU"),
        Kind("web, Fly shared-cpu-2x", shared / m.cpu_s["web"], price.FLY_WEB.usd, "CPU, without bursts"),
        _gpu("embed, serverless L4, SAM 2.1 tiny", serverless, serverless_month),
        _gpu("embed, own GPU box (half its cores)", box, price.GPU_BOX.usd),
    ]


def _gpu(name: str, by_cpu: float, usd_month: float) -> Kind:
    limit = "GPU (assumed)" if by_cpu > price.GPU_IMAGES_S else "its CPU"
    return Kind(name, min(by_cpu, price.GPU_IMAGES_S), usd_month, limit)


@dataclass(frozen=True)
class Bill:
    """Dollars a month."""

    machines: dict[str, int]
    fixed: float
    compute: float
    traffic: float

    def per_1000(self, a_day: int) -> float:
        return 1000 * (self.fixed + self.compute + self.traffic) / (a_day * DAYS)


DEPLOYMENTS = ("all CPU on Fly", "Fly + serverless GPU", "one own GPU box")


def bill(m: Measured, deployment: str, a_day: int) -> Bill:
    embed, mask, web, serverless, box = kinds(m)
    peak_s = PEAK * a_day / DAY_S
    fixed = price.SUPABASE.usd + price.FLY_REDIS.usd

    def wanted(kind: Kind) -> int:
        return math.ceil(peak_s / kind.images_s)

    if deployment == "one own GPU box":
        # all of it on the box; a second one when its cores are used up
        each = m.embed_rest + m.cpu_s["mask"] + m.cpu_s["web"]
        boxes = max(wanted(box), math.ceil(peak_s * each / price.GPU_BOX_CORES))
        machines = {"box": boxes}
        return Bill(machines, price.SUPABASE.usd, boxes * box.usd_month, _traffic(m, a_day, fly=False))
    machines = {"web": wanted(web), "mask": wanted(mask)}
    compute = machines["web"] * web.usd_month + machines["mask"] * mask.usd_month
    if deployment == "all CPU on Fly":
        machines["embed"] = wanted(embed)
        compute += machines["embed"] * embed.usd_month
    else:
        # paid by the second: what it works, and a quarter as much of waiting before it is stopped
        machines["GPU"] = wanted(serverless)
        hours = 1.25 * a_day * DAYS / serverless.images_s / 3600
        compute += hours * serverless.usd_month / MONTH_H
    return Bill(machines, fixed, compute, _traffic(m, a_day, fly=True))


def _traffic(m: Measured, a_day: int, *, fly: bool) -> float:
    """Out of the bucket to workers and web, out of web to browsers; and what lies there for 30 days."""
    month = a_day * DAYS / 1e9
    # both workers read the photo, web passes on what browsers load
    out = max(0.0, month * (2 * m.up + m.down) - 250) * price.SUPABASE_EGRESS.usd
    stored = max(0.0, a_day * STORED_DAYS / 1e9 * m.stored - 100) * price.SUPABASE_STORED.usd
    return out + stored + (month * m.down * price.FLY_EGRESS.usd if fly else 0)


def tables(m: Measured) -> str:
    return "\n\n".join((_stages(m), _cpu(m), _kinds(m), _bills(m), _growth(m), _listed()))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _stages(m: Measured) -> str:
    stages = list(m.steps[0]["stages"])
    head = ["visitors at once", "images/s", *(f"{stage}, p50 / p95 s" for stage in stages)]
    rows = [
        [
            step["visitors"],
            f"{step['images_s']:.2f}",
            *(f"{step['stages'][stage][0]:.2f} / {step['stages'][stage][1]:.2f}" for stage in stages),
        ]
        for step in m.steps
    ]
    where = f"{m.machine}, {m.date}; full from {m.best['visitors']} at once on."
    if m.others > _QUIET:
        where += (
            f" Other work kept {m.others:.1f} of the cores busy meanwhile: seconds and rates are worse than"
            " the machine's own, and so are CPU seconds, of which work on a shared core needs more."
        )
    return f"{where}\n\n{_table(head, rows)}"


def _cpu(m: Measured) -> str:
    rows = [[name, f"{seconds:.2f}"] for name, seconds in sorted(m.cpu_s.items(), key=lambda i: -i[1])]
    rows += [
        ["of embed's: in the encoder", f"{m.encoder_cpu_s:.2f}"],
        ["photo up, MB", f"{m.up / 1e6:.2f}"],
        ["down (working image, embedding, mask, cutout), MB", f"{m.down / 1e6:.2f}"],
    ]
    return _table(["for each image", "CPU seconds"], rows)


def _kinds(m: Measured) -> str:
    rows = [
        [k.name, f"{k.images_s:.2f}", f"{k.images_s * DAY_S:,.0f}", k.limit, f"${k.usd_month:.0f}"]
        for k in kinds(m)
    ]
    return _table(["machine", "images/s", "images/day", "used up first", "a month"], rows)


def _bills(m: Measured) -> str:
    rows = [
        [name, *(f"${bill(m, name, volume).per_1000(volume):.2f}" for volume in VOLUMES)]
        for name in DEPLOYMENTS
    ]
    return _table(["$ per 1,000 images", *(f"{volume:,}/day" for volume in VOLUMES)], rows)


def _growth(m: Measured) -> str:
    rows = []
    for volume in VOLUMES:
        fly = bill(m, DEPLOYMENTS[0], volume)
        machines = ", ".join(f"{count} {name}" for name, count in fly.machines.items())
        share = fly.traffic / (fly.fixed + fly.compute + fly.traffic)
        jobs = 2 * PEAK * volume / DAY_S
        rows.append(
            [
                f"{volume:,}",
                machines,
                bill(m, DEPLOYMENTS[1], volume).machines["GPU"],
                bill(m, DEPLOYMENTS[2], volume).machines["box"],
                f"{jobs:.2f} ({jobs / POSTGRES_JOBS_S:.1%})",
                f"{share:.0%}",
            ]
        )
    head = [
        "images/day",
        "machines on Fly, all CPU",
        "L4",
        "boxes",
        "jobs/s at the peak (of Postgres)",
        "traffic's share",
    ]
    return _table(head, rows)


def _listed() -> str:
    rows = [[f"${p.usd:g}", p.what, p.source, p.read] for p in price.ALL]
    return _table(["price", "of", "source", "read"], rows)
