"""List prices in dollars, and what others say of GPUs. Edit, then `python -m benchmarks.load --tables`."""

from dataclasses import dataclass

MONTH_H = 730.0


@dataclass(frozen=True)
class Price:
    usd: float
    what: str
    source: str
    read: str
    """When; or that it was assumed."""


FLY_WORKER = Price(66.00, "performance-2x, 4 GB, a month", "fly.io/docs/about/pricing (iad)", "autumn 2026")
FLY_WEB = Price(
    7.39, "shared-cpu-2x, 1 GB, a month", "the same: twice $2.19 and $6 a GB above 0.5", "autumn 2026"
)
FLY_REDIS = Price(6.70, "shared-cpu-1x, 1 GB, a month, for Redis", "the same", "autumn 2026")
FLY_EGRESS = Price(0.02, "a GB to browsers, North America and Europe", "the same", "autumn 2026")
SUPABASE = Price(
    25.00, "Pro plan, a month, with 100 GB stored and 250 GB out", "supabase.com/pricing", "2026"
)
SUPABASE_EGRESS = Price(0.09, "a GB out beyond that", "the same", "2026")
SUPABASE_STORED = Price(0.021, "a GB-month beyond that", "the same", "2026")
SERVERLESS_GPU = Price(0.80, "an L4, an hour", "modal.com/pricing", "assumed: not read again")
SERVERLESS_CPU = Price(0.047, "a physical core, an hour", "modal.com/pricing, by a comparison", "June 2026")
GPU_BOX = Price(
    246.00,
    "14 cores, 64 GB, 24 GB GPU, a month: 214 EUR at an assumed 1.15",
    "hetzner.com/dedicated-rootserver/gex45",
    "October 2026",
)

ALL = (
    *(FLY_WORKER, FLY_WEB, FLY_REDIS, FLY_EGRESS, SUPABASE, SUPABASE_EGRESS, SUPABASE_STORED),
    *(SERVERLESS_GPU, SERVERLESS_CPU, GPU_BOX),
)

FLY_WORKER_CORES = 2
FLY_SHARED_SHARE = 1 / 16
"""Of a core that each shared one may use for ever (fly.io/docs/machines/cpu-performance)."""
FLY_WEB_CORES = 2
SERVERLESS_CORES = 4
"""Asked for beside the GPU."""
GPU_BOX_CORES = 14

A100_FRAMES_S = 47.2
"""SAM 2.1 tiny on an A100: Meta's README of September 2024, tracking in videos, encoder and all behind it."""
L4_OF_A100 = 121 / 312
"""Dense bf16 TFLOPS by NVIDIA's data sheets."""
GPU_IMAGES_S = A100_FRAMES_S * L4_OF_A100
"""Assumed of an L4 and of the box's card. Never measured by us: `make bench-gpu` on a host decides."""
