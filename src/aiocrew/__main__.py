"""`python -m aiocrew` is the `aiocrew` command."""

from __future__ import annotations

import sys

from aiocrew.cli import main

if __name__ == "__main__":
    sys.exit(main())
