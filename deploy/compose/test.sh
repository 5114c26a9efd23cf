#!/usr/bin/env bash
# The compose stack, tried from outside: build, start, send the demo brief, crash a service in the middle, see one film, take down.
# Usage: deploy/compose/test.sh [--engine null]      (null: no Triton, no PyTorch image; the rest is the same)
# Without a Docker engine it starts one of its own (root) and stops it afterwards; without a registry it builds stand-ins.
set -euo pipefail
cd "$(dirname "$0")/../.."
engine=triton
[ "${1:-}" = --engine ] && engine=$2
scratch=$(mktemp -d)
export COMPOSE_PROJECT_NAME=storyreel-test STORYREEL_COMPOSE_DIR=$scratch/compose RENDERER_ENGINE=$engine
[ "$engine" = null ] && export PLANNER_MODEL_CARD=
profile=(); standins=()
if [ "$engine" = triton ]; then profile=(--profile cpu); standins=(--triton); fi
say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }
compose() { docker-compose --env-file "$scratch/compose/compose.env" "${profile[@]}" "$@"; }

finish() {
  code=$?
  if [ $code -ne 0 ] && [ -f "$scratch/compose/compose.env" ]; then
    say "it failed; the last lines of every container:"
    compose logs --tail 8 2>/dev/null | cut -c1-300 || true
  fi
  [ -f "$scratch/compose/compose.env" ] && compose down -v --remove-orphans >/dev/null 2>&1 || true
  if [ -f "$scratch/dockerd.pid" ]; then
    kill "$(cat "$scratch/dockerd.pid")"
    while [ -f "$scratch/dockerd.pid" ]; do sleep 0.2; done
  fi
  rm -rf "$scratch" 2>/dev/null || true
  exit $code
}
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
  if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
    if [[ ",${STORYREEL_REQUIRE:-}," == *,docker,* ]]; then echo "docker is required here and no engine runs" >&2; exit 1; fi
    echo "skipped: no Docker engine runs and none can be started here (needs root and dockerd)"; exit 0
  fi
  say "starting a Docker engine"
  mkdir -p "${STORYREEL_DOCKER_DIR:=${HOME:-/tmp}/.cache/storyreel/docker}"
  dockerd --data-root "$STORYREEL_DOCKER_DIR" --pidfile "$scratch/dockerd.pid" >"$scratch/dockerd.log" 2>&1 &
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
  docker info >/dev/null || { tail -5 "$scratch/dockerd.log" >&2; exit 1; }
fi

docker image inspect python:3.11-slim >/dev/null 2>&1 || timeout 60 docker pull -q python:3.11-slim >/dev/null 2>&1 || {
  say "no registry can be reached: building stand-ins"
}
if ! timeout 30 docker pull -q redis:7.4 >/dev/null 2>&1; then bash deploy/compose/stand-ins/build.sh "${standins[@]}"; fi
python3 deploy/compose/prepare.py "$scratch/compose"
say "building the images"
for service in planner renderer continuity safety assembler gateway; do
  docker build -q -f services/$service/Dockerfile -t storyreel/$service . >/dev/null
done
[ "$engine" = triton ] && docker build -q -f services/renderer/engine/Dockerfile -t storyreel/engine . >/dev/null
say "starting"
compose up -d --no-build >/dev/null 2>"$scratch/up.log" || { cat "$scratch/up.log" >&2; exit 1; }
for service in planner renderer continuity safety assembler gateway; do
  for _ in $(seq 120); do
    state=$(docker inspect -f '{{.State.Health.Status}}' "$(compose ps -q $service)" 2>/dev/null || true)
    [ "$state" = healthy ] && break
    sleep 1
  done
  [ "$state" = healthy ] || { echo "$service is $state, not healthy, after two minutes" >&2; exit 1; }
  say "$service is healthy"
done

say "the demo brief goes in"
export STORYREEL_STACK=$scratch/compose/stack.json
timeout 900 .venv/bin/storyreel submit examples/briefs/sneaker-launch --watch --out "$scratch/out" >"$scratch/watch.log" 2>&1 &
watcher=$!
for _ in $(seq 240); do grep -q "take 1 rendered" "$scratch/watch.log" && break; sleep 0.5; done
grep -q "take 1 rendered" "$scratch/watch.log" || { cat "$scratch/watch.log" >&2; exit 1; }
say "the planner crashes in the middle (kill -9 of its process, from outside)"
kill -9 "$(docker inspect -f '{{.State.Pid}}' "$(compose ps -q planner)")"
code=0; wait $watcher || code=$?
tail -12 "$scratch/watch.log"
[ $code -eq 0 ] || { echo "no film, or one that cannot be trusted: exit $code" >&2; exit 1; }
restarts=$(docker inspect -f '{{.RestartCount}}' "$(compose ps -q planner)")
[ "$restarts" -ge 1 ] || { echo "the planner was not restarted, so the crash did not happen" >&2; exit 1; }
published=$(kcat -C -e -q -b 127.0.0.1:9094 -t assembler-films -f '%h\n' | grep -o 'ce_type=film.published.v1' | wc -l)
[ "$published" -eq 1 ] || { echo "film.published was written $published times" >&2; exit 1; }
ls "$scratch"/out/*/film-16x9.mp4 >/dev/null
say "one film, although the planner crashed: passed"
compose down -v --remove-orphans >/dev/null 2>&1
say "the connected suite on containers, by testcontainers"
STORYREEL_REQUIRE="${STORYREEL_REQUIRE:-},docker" .venv/bin/python -m pytest -q -rs deploy/tests/test_containers.py
say "passed"
