#!/usr/bin/env bash
# Build the stand-in images that are missing. Needs root, a Docker engine, debootstrap, Go and the project's .venv.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=deploy/compose/stand-ins
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
have() { docker image inspect "$1" >/dev/null 2>&1; }
say() { printf '%s stand-in %s\n' "$(date -u +%H:%M:%S)" "$1"; }

base() {
  say "python:3.11-slim (debootstrap, about a minute)"
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$scratch/base" >"$scratch/log" 2>&1 \
    || { tail -5 "$scratch/log" >&2; exit 1; }
  ln -s /usr/bin/python3 "$scratch/base/usr/local/bin/python"
  cp /etc/ssl/certs/ca-certificates.crt "$scratch/base/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$scratch"/base/var/cache/apt/archives/*.deb
  tar -C "$scratch/base" -c . | docker import --change "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt" \
    --change "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" --change 'CMD ["python"]' - python:3.11-slim >/dev/null
}

build() { # NAME FOLDER, Dockerfile on standard input
  say "$1"
  mkdir -p "$2" && cat >"$2/Dockerfile"
  docker build -q -t "$1" "$2" >/dev/null
}

redis() {
  build redis:7.4 "$scratch/redis" <<'D'
FROM python:3.11-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null && rm -rf /var/lib/apt/lists/*
WORKDIR /data
CMD ["redis-server"]
D
}

kafka() {
  mkdir -p "$scratch/kafka" && cp $here/kafka.sh "$scratch/kafka/"
  .venv/bin/python -m storyreel_local.images kafka "$scratch/kafka/libs"
  build apache/kafka:4.3.1 "$scratch/kafka" <<'D'
FROM python:3.11-slim
RUN mkdir -p /usr/share/man/man1 && apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null \
 && rm -rf /var/lib/apt/lists/* && mkdir -p /var/lib/kafka/data
COPY libs /opt/kafka/libs
COPY kafka.sh /usr/local/bin/kafka.sh
CMD ["bash", "/usr/local/bin/kafka.sh"]
D
}

s3() {
  mkdir -p "$scratch/s3"
  .venv/bin/python -m storyreel_local.images versitygw "$scratch/s3/versitygw"
  build versity/versitygw:v1.8.0 "$scratch/s3" <<'D'
FROM python:3.11-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends wget >/dev/null && rm -rf /var/lib/apt/lists/* && mkdir /data
COPY versitygw /usr/local/bin/versitygw
ENTRYPOINT ["versitygw"]
D
}

triton() {
  build nvcr.io/nvidia/tritonserver:24.12-py3 "$scratch/triton" <<'D'
FROM python:3.11-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libpython3.11 binutils >/dev/null && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/venv && /opt/venv/bin/pip install -q --no-cache-dir 'nvidia-pytriton>=0.5,<0.8'
ENV PATH=/opt/venv/bin:$PATH
RUN sp=$(python3 -c "import site; print(site.getsitepackages()[0])") && mkdir -p /opt/tritonserver/backends \
 && cp -r $sp/pytriton/tritonserver/backends/python /opt/tritonserver/backends/python \
 && cp $sp/pytriton/tritonserver/python_backend_stubs/3.11/triton_python_backend_stub /opt/tritonserver/backends/python/ \
 && printf '#!/bin/sh\nexec env LD_LIBRARY_PATH=%s/nvidia_pytriton.libs:/usr/lib/x86_64-linux-gnu %s/pytriton/tritonserver/bin/tritonserver --backend-directory=/opt/tritonserver/backends "$@"\n' $sp $sp > /usr/local/bin/tritonserver \
 && chmod +x /usr/local/bin/tritonserver
D
}

have python:3.11-slim || base
have redis:7.4 || redis
have apache/kafka:4.3.1 || kafka
have versity/versitygw:v1.8.0 || s3
if [ "${1:-}" = --triton ]; then have nvcr.io/nvidia/tritonserver:24.12-py3 || triton; fi
say "images are there"
