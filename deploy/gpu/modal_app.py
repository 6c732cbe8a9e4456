"""The encoder on Modal: a GPU while images wait, none while nothing does.

    modal secret create cutout-embed DATABASE_URL=… REDIS_URL=… SUPABASE_URL=… SUPABASE_SERVICE_ROLE_KEY=…
    modal run deploy/gpu/modal_app.py::pull
    modal deploy deploy/gpu/modal_app.py

The secret's values are those that `cutout setup-roles --apply` prints: they open embed queues, nothing else.
"""

import math
import os
import subprocess

import modal
import psycopg

ENVIRONMENT = {
    "CUTOUT_MODEL": "sam2.1-hiera-tiny",
    "CUTOUT_DEVICE": "cuda",
    "CUTOUT_MODELS_DIR": "/models",
    "CUTOUT_WORKER_IDLE_S": "60",
    "CUTOUT_WORKER_USD_HOUR": "1.00",  # GPU, four cores and memory; it makes the cost of each image on /admin
}
MODEL = ENVIRONMENT["CUTOUT_MODEL"]
AT_MOST = 4
FOR_EACH = 32
"""Images that wait, for a further worker: two batches."""
LOOK_S = 10
"""So long a first image waits at most until a container is asked for; the editor says "starting"."""
DAY_S = 86_400
GRACE_S = 35
WAITING = "select count(*) from jobs where queue = %s and status = 'queued'"

app = modal.App("cutout-embed")
# the Dockerfile's last target, `gpu`; the commands above are run in the checkout's root
image = modal.Image.from_dockerfile("Dockerfile", context_dir=".").env(ENVIRONMENT)
secret = modal.Secret.from_name("cutout-embed")
models = modal.Volume.from_name("cutout-models", create_if_missing=True)


@app.function(image=image, volumes={"/models": models}, timeout=1800)
def pull() -> None:
    """Once, and after a change of CUTOUT_MODEL: weights onto the volume, verified."""
    subprocess.run(["cutout", "models", "pull", MODEL], check=True)
    models.commit()


@app.function(
    image=image,
    gpu="L4",
    cpu=4,
    memory=8192,
    secrets=[secret],
    volumes={"/models": models},
    timeout=DAY_S,
    max_containers=AT_MOST,
)
def work() -> None:
    """One worker, until nothing was to be done for CUTOUT_WORKER_IDLE_S; whatever ends it loses no job."""
    worker = subprocess.Popen(["cutout", "worker", "embed"])
    try:
        if code := worker.wait():
            raise RuntimeError(f"the worker ended with {code}")
    finally:
        worker.terminate()  # a container that is taken away: the worker gives back what it holds
        worker.wait(GRACE_S)


@app.function(image=image, secrets=[secret], schedule=modal.Period(seconds=LOOK_S))
def look() -> None:
    """Start as many workers as are missing. Those that are too many end by themselves."""
    with psycopg.connect(os.environ["DATABASE_URL"], prepare_threshold=None) as connection:
        row = connection.execute(WAITING, (f"embed:{MODEL}",)).fetchone()
    wanted = min(AT_MOST, math.ceil(row[0] / FOR_EACH)) if row else 0
    stats = work.get_current_stats()
    for _ in range(wanted - stats.backlog - stats.num_total_runners):
        work.spawn()
