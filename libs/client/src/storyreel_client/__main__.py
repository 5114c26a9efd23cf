"""`python -m storyreel_client` and the console script `storyreel`."""

import sys

from storyreel_client.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
