#!/bin/sh
# Inside the engine's image: make the small built-in model unless a model folder is mounted, then serve it.
set -eu
if [ ! -f "$STORYREEL_MODEL_DIR/storyreel.json" ]; then
  python3 -m storyreel_engine.tiny --out "$STORYREEL_MODEL_DIR"
fi
exec tritonserver --model-repository=/models --disable-auto-complete-config --exit-timeout-secs=20 "$@"
