"""`python -m storyreel_local`."""

import sys

from storyreel_local.cli import main

sys.exit(main())
