"""`python -m pytest_roo_load.chaos`: the proxy."""

from __future__ import annotations

import sys

from pytest_roo_load.chaos.process import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], "python -m pytest_roo_load.chaos"))
