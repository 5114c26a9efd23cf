"""What the stand-in images (deploy/compose/stand-ins) take from the embedded stack: the same jars, the same S3 server.

Run as `python -m storyreel_local.images kafka|versitygw DESTINATION`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from storyreel_local.parts import kafka, s3
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack


def main(part: str, destination: str) -> None:
    """Fetch or build the part, then copy it: a folder of jars, or one binary."""
    with tempfile.TemporaryDirectory() as scratch:
        context = Stack(Path(scratch), options=Options(parts=(), s3="versitygw")).context
        if part == "kafka":
            kafka.Kafka().ensure(context)
            shutil.copytree(kafka._jar_folder(context.cache), destination)
        else:
            s3.S3().ensure(context)
            shutil.copy(s3._binary(context.cache), destination)


if __name__ == "__main__":
    main(*sys.argv[1:])
