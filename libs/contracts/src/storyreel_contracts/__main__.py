"""`python -m storyreel_contracts schemas|gate|asyncapi`: keeps snapshots, compatibility and the public document in order."""

import argparse
import json
import sys
from pathlib import Path

from storyreel_contracts.tools import asyncapi, gate, releases, schemas

ROOT = Path(__file__).resolve().parents[2]


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 if all is well, 1 if something drifted or breaks, 2 for a wrong argument."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except releases.UnknownReleaseError as e:
        print(f"Error: {e}.", file=sys.stderr)
        return 2


def _schemas(options: argparse.Namespace) -> int:
    folder = options.root / releases.SCHEMAS
    changed = schemas.write(folder) if options.write else schemas.drift(folder)
    for name in changed:
        print(f"{'wrote' if options.write else 'DRIFTED'} {folder / name}")
    if changed and not options.write:
        print(
            "The models and their snapshots differ: run `python -m storyreel_contracts schemas --write` and look at the diff."
        )
    return 0 if options.write or not changed else 1


def _gate(options: argparse.Namespace) -> int:
    names = options.against or releases.tags(options.root)
    if not names:
        print("There is no release tag (v1.2.3) yet: nothing to be compatible with was checked.")
        return 0
    here = releases.from_folder(options.root, "the working tree")
    verdicts = [gate.judge(releases.find(options.root, name), here) for name in names]
    for verdict in verdicts:
        print("\n".join(gate.report(verdict)))
    return 0 if all(v.passed for v in verdicts) else 1


def _asyncapi(options: argparse.Namespace) -> int:
    print(json.dumps(asyncapi.document(options.root / releases.EXAMPLES), indent=2, ensure_ascii=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m storyreel_contracts", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the contract room, with schemas/ and examples/")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("schemas", help="JSON Schema snapshots of all facts")
    mode = one.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write them")
    mode.add_argument("--check", action="store_true", help="fail if they differ from the models")
    one.set_defaults(run=_schemas)
    two = commands.add_parser("gate", help="compatibility with what is out (FULL_TRANSITIVE)")
    two.add_argument("--against", action="append", metavar="REF|DIR", help="instead of all release tags; may be repeated")
    two.set_defaults(run=_gate)
    three = commands.add_parser("asyncapi", help="print the AsyncAPI 3.0 document of all topics")
    three.set_defaults(run=_asyncapi)
    return parser


if __name__ == "__main__":
    sys.exit(main())
