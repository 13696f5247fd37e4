"""Time a whole hunt in the sample tenant: cold (nothing made yet) and warm, each as a process of its own.

python benchmarks/sample_hunt.py [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

QUESTION = "Show suspicious PowerShell activity on host WS-123 in the last day"


def main() -> int:
    """Hunt once cold, then warm, and print seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    cold, warm = [], []
    for _ in range(max(1, runs // 2)):
        with tempfile.TemporaryDirectory() as home:
            cold.append(_hunt(home))
            warm.extend(_hunt(home) for _ in range(2))
    sys.stdout.write(f"cold: median {statistics.median(cold):.2f} s of {len(cold)}\n")
    sys.stdout.write(f"warm: median {statistics.median(warm):.2f} s of {len(warm)}\n")
    return 0


def _hunt(home: str) -> float:
    command = [sys.executable, "-m", "soc_analyst", "hunt", QUESTION, "--json", "--data-dir", home]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
