#!/usr/bin/env bash
# Runs every test, room by room (each in its own process, as each is deployed alone), two rooms at a time. `make test` calls it.
# Usage: tests/run.sh [ROOM ...]   STORYREEL_REQUIRE=kafka,redis,s3,triton,docker turns a missing part into an error.
set -u
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export logs

run_room() {
  room=$1
  tests=$room
  [ -d "$room/tests" ] && tests=$room/tests
  python=.venv/bin/python
  seed=--hypothesis-seed=${HYPOTHESIS_SEED:-0} # the same cases for everybody; HYPOTHESIS_SEED=random looks for new ones
  [ "$room" = services/renderer/engine ] && python=.venv-engine/bin/python && seed=-rs
  log=$logs/${room//\//-}
  began=$SECONDS
  "$python" -m pytest -q -rs "$seed" "$tests" >"$log" 2>&1 || echo "$room" >>"$logs/failed"
  printf '\n== %s (%d s)\n%s\n' "$room" $((SECONDS - began)) "$(grep -vE '^[.s]+ +\[ *[0-9]+%\]$' "$log")"
}
export -f run_room

# The slow ones first, so that two cores stay busy to the end; the films of tests/chaos and tests/e2e have the machine for themselves.
beside=(services/gateway services/assembler services/renderer/engine services/renderer deploy/local services/safety services/continuity
  libs/contracts services/planner libs/client tests/simulation libs/chassis deploy/tests tests/bench/engine tests/architecture)
alone=(tests/chaos tests/e2e)
if [ $# -gt 0 ]; then beside=("$@"); alone=(); fi
printf '%s\n' "${beside[@]}" | xargs -P 2 -I{} bash -c 'run_room {}'
for room in "${alone[@]}"; do run_room "$room"; done
echo
if [ -s "$logs/failed" ]; then
  echo "FAILED: $(tr '\n' ' ' <"$logs/failed")" >&2
  exit 1
fi
echo "all rooms green in $((SECONDS / 60)) min $((SECONDS % 60)) s"
