"""`python -m visuomotor ...`: the command line, as `torchrun -m visuomotor ...` starts it."""

import sys

from visuomotor.cli import main

if __name__ == "__main__":
    sys.exit(main())
