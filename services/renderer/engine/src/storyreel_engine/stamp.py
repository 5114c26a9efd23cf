"""Brings a model card up to date with the LoRAs in its folder: their names, and the version that covers their bytes.

`python -m storyreel_engine.stamp --folder DIR [--card FILE]` after a LoRA was put there, replaced or taken away; the engine
does not start on a card that is of others. All else on the card stays as it is, and the weights are not read again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from storyreel_engine.card import CARD_FILE, lora_paths, with_loras


def stamp(folder: Path, file: Path) -> str:
    """Write the folder's LoRAs into the card in `file`; the version that it has now comes back.

    Raises:
        FileNotFoundError: there is no card.
        ValueError: a LoRA's name that no request can ask for, or that two have.
    """
    body = json.loads(file.read_text())
    body |= {"version": with_loras(body["version"], folder), "loras": list(lora_paths(folder))}
    written = file.with_name(f".{file.name}.new")
    written.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n")
    written.replace(file)  # who reads it meanwhile gets one card or the other
    return str(body["version"])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m storyreel_engine.stamp", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the pipeline folder")
    parser.add_argument("--card", type=Path, help=f"its card, if that is not its {CARD_FILE}")
    options = parser.parse_args(arguments)
    file = options.card or options.folder / CARD_FILE
    version = stamp(options.folder, file)
    sys.stdout.write(f"{version} in {file}: {', '.join(lora_paths(options.folder)) or 'no LoRAs'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
