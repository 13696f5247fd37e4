"""A process that has everything imported and forks off command lines: real processes to kill, without their start-up.

Reads one JSON object a line: `{"arguments": […], "out": FILE, "err": FILE}` starts one and answers its id,
`{"ended": ID}` waits for its end and answers the status, negative for a signal; `{"learn": FILE}` imports the modules
that a file names.
"""

from __future__ import annotations

import asyncio  # noqa: F401  first, as it would be in a process of its own
import gc
import json
import os
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

__all__ = ["Zygote"]

WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps NumPy and Arrow from starting a thread as they are imported."""
ROOT = Path(__file__).parents[2]


class Zygote:
    """The process from outside. Use it as a context manager."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=ROOT,
            env={**os.environ, **WITHOUT_THREADS, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._folder = folder
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=60)

    def start(self, arguments: list[str]) -> int:
        """Fork off a command line and return its process id."""
        self._started += 1
        out, err = (str(self._folder / f"{self._started}.{name}") for name in ("out", "err"))
        return self._told({"arguments": arguments, "out": out, "err": err})

    def ended(self, process: int) -> int:
        """Wait for the end of a process and return its status."""
        return self._told({"ended": process})

    def learn(self) -> None:
        """Import what the last process had imported when it ended, so that the next ones need not."""
        threads = self._told({"learn": str(self._folder / f"{self._started}.out.modules")})
        assert threads == 1, f"{threads} threads: a fork would lose all but one"

    @property
    def out(self) -> str:
        """What the last process wrote to standard output."""
        return (self._folder / f"{self._started}.out").read_text()

    @property
    def err(self) -> str:
        """What the last process wrote to standard error."""
        return (self._folder / f"{self._started}.err").read_text()

    def _told(self, order: dict[str, object]) -> int:
        given, answers = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        given.write(json.dumps(order) + "\n")
        given.flush()
        return int(answers.readline())


def main() -> None:
    """Serve orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.write(f"{_served(order)}\n")
        sys.stdout.flush()


def _served(order: dict[str, Any]) -> int:
    if "learn" in order:
        return _learnt(Path(order["learn"]))
    if "ended" in order:
        return os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1])
    process = os.fork()
    if process == 0:
        _run(order)
    return process


def _learnt(modules: Path) -> int:
    """Import what an earlier command line had imported at its end; return the number of threads, which must be one."""
    for name in modules.read_text().split():
        if name.startswith("_") or name.partition(".")[0] in sys.builtin_module_names:
            continue  # an accelerator that is imported before its module leaves that without it
        with suppress(Exception):  # a name that is no module by itself
            import_module(name)
    _read_what_all_read(modules.parent)
    gc.freeze()
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _read_what_all_read(folder: Path) -> None:
    """Read what every run reads and keeps as long as its process lives: tables, policy, rules, tokens."""
    from soc_analyst.graph.context import Context
    from soc_analyst.graph.desk.catalogs import catalog_for
    from soc_analyst.graph.desk.desk import policy_for
    from soc_analyst.tools.detections import load_rules
    from soc_analyst.tools.models.encodings import encoding

    policy_for(Context())
    catalog_for(Context())
    load_rules((), cache_dir=folder / "rules")
    encoding("o200k_base")


def _run(order: dict[str, Any]) -> None:
    """Be the command line, to the end of the process."""
    status = 70
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        from soc_analyst.cli.app import run

        status = run(order["arguments"])
        sys.stdout.flush()
        Path(order["out"] + ".modules").write_text("\n".join(sorted(sys.modules)))
    except BaseException:  # noqa: BLE001  the process ends here, whatever it was
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
