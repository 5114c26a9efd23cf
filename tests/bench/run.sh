#!/usr/bin/env bash
# Measures and prints one table of ratios. `make bench` calls it; nothing here is a test, and no figure fails a build.
# Usage: tests/bench/run.sh [--pairs N] [control-cost|events|memory|concat ...]   results: bench-results/<name>.json
set -eu
cd "$(dirname "$0")/../.."
python=.venv/bin/python
names=() options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --pairs) options=(--pairs "$2"); shift 2 ;;
    *) names+=("$1"); shift ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(control-cost events memory concat)
files=()
for name in "${names[@]}"; do
  PYTHONDONTWRITEBYTECODE=1 "$python" "tests/bench/${name//-/_}.py" "${options[@]}"
  files+=("bench-results/$name.json")
done
"$python" tests/bench/report.py "${files[@]}"
