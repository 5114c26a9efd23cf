#!/usr/bin/env bash
# Runs every test, room by room (each in its own process, as each is deployed alone). `make test` calls it.
# Usage: tests/run.sh [ROOM ...]   STORYREEL_REQUIRE=kafka,redis,s3,triton,docker turns a missing part into an error.
set -u
cd "$(dirname "$0")/.."
rooms=("$@")
if [ ${#rooms[@]} -eq 0 ]; then
  rooms=(libs/contracts libs/chassis libs/client services/planner services/renderer services/renderer/engine services/continuity
    services/safety services/assembler services/gateway deploy/local deploy/tests tests/architecture tests/simulation tests/e2e)
fi
export PATH="$PWD/.venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
failed=()
for room in "${rooms[@]}"; do
  tests=$room
  [ -d "$room/tests" ] && tests=$room/tests
  python=.venv/bin/python
  [ "$room" = services/renderer/engine ] && python=.venv-engine/bin/python
  printf '\n== %s\n' "$room"
  "$python" -m pytest -q -rs "$tests" || failed+=("$room")
done
echo
if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED: ${failed[*]}" >&2
  exit 1
fi
echo "all rooms green"
