"""A real Postgres server of its own, below a temporary folder, for the tests that need one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["missing", "running"]

DEBIAN = Path("/usr/lib/postgresql")
PASSWORD = "only-for-tests"
USER = "soc"


def missing() -> str:
    """Return why no server can be started here, empty where one can."""
    if _programs() is None:
        return "Postgres is not installed (Debian: apt-get install postgresql)"
    if os.getuid() == 0 and _owner() is None:
        return "Postgres does not run as root, and there is no user postgres or nobody"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "the extra is not installed: pip install -e '.[postgres]'"
    return ""


@contextmanager
def running() -> Iterator[str]:
    """Start a server with a password on a free port and yield its URL; stop it at the end."""
    programs = _programs()
    assert programs is not None
    # Not below pytest's own folder, which it keeps from all users but its own again and again.
    with tempfile.TemporaryDirectory(prefix="soc-analyst-postgres-") as folder:
        yield from _served(Path(folder), programs)


def _served(folder: Path, programs: Path) -> Iterator[str]:
    folder.chmod(0o711)
    home, secret = folder / "pg", folder / "pgpass"
    home.mkdir(mode=0o700)
    secret.write_text(PASSWORD)
    owner = _owner() if os.getuid() == 0 else None
    if owner is not None:
        for path in (home, secret):
            shutil.chown(path, owner)
    port, data = _free_port(), str(home / "data")
    made = ["initdb", "-D", data, "-U", USER, "--pwfile", str(secret), "-A", "scram-sha-256", "-N"]
    subprocess.run([programs / made[0], *made[1:]], user=owner, check=True, capture_output=True, cwd=home, timeout=300)
    serve = ["-D", data, "-p", str(port), "-k", str(home), "-h", "127.0.0.1", "-c", "fsync=off"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([programs / "postgres", *serve], user=owner, cwd=home, stdout=log, stderr=log) as server,
    ):
        try:
            url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
            _wait_for(url, server)
            yield url
        finally:
            server.send_signal(signal.SIGQUIT)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    for _ in range(600):
        assert server.poll() is None, "the server ended at once"
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server does not answer")


def _programs() -> Path | None:
    found = shutil.which("postgres")
    if found and shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def _owner() -> str | None:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
