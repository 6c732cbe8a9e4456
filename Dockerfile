# One image for every process of the Procfile: the command says which.
FROM node:22-slim AS editor
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm install --no-save --no-fund --no-audit
COPY web .
RUN npm run build

FROM python:3.12-slim
RUN useradd --create-home cutout
WORKDIR /srv/cutout
COPY requirements.lock ./
RUN pip install --no-cache-dir -r requirements.lock
COPY . .
COPY --from=editor /web/dist web/dist
RUN pip install --no-cache-dir --no-deps --editable . \
    && mkdir /data && chown cutout /data

USER cutout
ENV CUTOUT_DATA_DIR=/data CUTOUT_MODELS_DIR=/data/models CUTOUT_HOST=0.0.0.0 NUMBA_CACHE_DIR=/home/cutout/kernels
# A minute here, so that no first job waits for it; a machine of another kind of processor compiles its own.
RUN python -c 'from app.matting.warm import warm; warm()'
EXPOSE 8000
CMD ["cutout", "serve"]
