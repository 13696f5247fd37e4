"""Print the figures of the suite of lies: `python -m tests.lies`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from .judging import Score, scored
from .scenes import scenes
from .telling import statements


def main() -> int:
    """Judge all statements over all stories of the sample tenant; the status is 1 where any came out wrong."""
    score, started, stories = Score(), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        for scene in scenes(Path(folder)):
            scored(scene, statements(scene), score)
            stories += 1
    for line in score.lines():
        sys.stdout.write(f"{line}\n")
    for one in (*score.shipped[:20], *score.lost[:20]):
        sys.stdout.write(f"{'SHIPPED' if one.lie else 'LOST'} {one.lie} as {one.writing}: {one.text} {one.own or ''}\n")
    sys.stdout.write(f"{stories} stories, {time.monotonic() - started:.1f} s\n")
    return int(bool(score.shipped or score.lost))


if __name__ == "__main__":
    sys.exit(main())
