# One image for every process of the Procfile: the command says which.
FROM python:3.12-slim

RUN useradd --create-home cutout
WORKDIR /srv/cutout

COPY requirements.lock ./
RUN pip install --no-cache-dir -r requirements.lock

COPY . .
RUN pip install --no-cache-dir --no-deps --editable . \
    && mkdir /data && chown cutout /data

USER cutout
ENV CUTOUT_DATA_DIR=/data CUTOUT_MODELS_DIR=/data/models CUTOUT_HOST=0.0.0.0
EXPOSE 8000
CMD ["cutout", "serve"]
