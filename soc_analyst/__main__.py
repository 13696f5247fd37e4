"""`soc-analyst` and `python -m soc_analyst`."""

from __future__ import annotations

import gc
import sys

FIRST_GENERATION = 50_000
"""Objects made before the collector looks: a command lives for seconds, and most of what it makes stays."""


def main() -> int:
    """Run the command line and return its exit status."""
    gc.set_threshold(FIRST_GENERATION, 20, 100)
    from soc_analyst.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
