# One file, three targets: api (web), cpu (embed and mask without a GPU), gpu (embed with SAM 2.1 in torch).
#   docker build --target cpu -t cutout:cpu .
FROM node:22-slim AS editor
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm install --no-save --no-fund --no-audit
COPY web .
RUN npm run build

FROM python:3.12-slim AS runtime
RUN useradd --create-home cutout && mkdir /data && chown cutout /data
WORKDIR /srv/cutout
COPY pyproject.toml requirements.lock README.md ./
COPY app app
COPY models models
COPY workers workers
COPY clients clients
COPY migrations migrations
# The lock's versions of what runs, and nothing of what only tests or `cutout dev` need. `python -m benchmarks.image_size`
# says what is in it; the packages' own tests are 80 MB, with onnx's data for those of others.
RUN pip install --no-cache-dir --constraint requirements.lock --editable . \
    && find /usr/local/lib/python3.12/site-packages -type d \
        \( -name tests -o -path '*/onnx/backend/test' -o -path '*/onnxruntime/transformers' \) -prune -exec rm -rf {} +
COPY --from=editor /web/dist web/dist
USER cutout
ENV CUTOUT_DATA_DIR=/data CUTOUT_MODELS_DIR=/data/models CUTOUT_HOST=0.0.0.0 NUMBA_CACHE_DIR=/home/cutout/kernels

FROM runtime AS api
EXPOSE 8000
CMD ["cutout", "serve"]

FROM runtime AS cpu
# A minute here, so that no first job waits for it; a machine of another kind of processor compiles its own.
RUN python -c 'from app.matting.warm import warm; warm()'
CMD ["cutout", "worker", "mask"]

FROM runtime AS gpu
USER root
COPY requirements-torch.lock ./
# Here the lock's CPU build of torch would be the wrong one: the registry's own carries CUDA.
RUN pip install --no-cache-dir torch==2.13.0 hydra-core iopath 'setuptools>=70.1' \
    && SAM2_BUILD_CUDA=0 pip install --no-cache-dir --no-build-isolation --no-deps sam2==1.1.0
USER cutout
ENV CUTOUT_DEVICE=cuda
CMD ["cutout", "worker", "embed"]
