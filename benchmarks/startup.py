"""Time `import soc_analyst` and `soc-analyst --help` against an empty interpreter.

python benchmarks/startup.py [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import soc_analyst": ["-c", "import soc_analyst"],
    "soc-analyst --help": ["-m", "soc_analyst", "--help"],
}


def main() -> int:
    """Run the commands in turn and print medians and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
            taken[name].append(time.perf_counter() - began)
    empty = statistics.median(taken["python -c pass"][1:])
    for name, seconds in taken.items():
        median = statistics.median(seconds[1:])
        sys.stdout.write(f"{name:<22} {median * 1000:7.1f} ms  {median / empty:5.1f}x\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
