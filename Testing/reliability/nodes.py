"""Computers of a cluster on one machine: network namespaces of Linux with names of their own, joined by a bridge alone.

They share the disk, as nodes of a cluster do, and no network beside it. It takes root and the commands ``ip`` and ``unshare``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NETWORK = "10.213.87"
GUARD = Path(__file__).resolve().parents[1] / "network"
_NAMED = 'hostname "$0" && exec "$@"'


class NotAllowedError(Exception):
    """Namespaces cannot be made here; says why."""


@dataclass
class Node:
    """One computer."""

    name: str
    address: str
    running: list[subprocess.Popen[Any]] = field(default_factory=list)

    def start(self, command: Sequence[object], **more: Any) -> subprocess.Popen[Any]:
        """Start a command there. What keeps tests off the network is left out: here is none to reach."""
        paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path) != GUARD]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", **more.pop("env", {})}
        inside = ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c", _NAMED, self.name]
        words = [*inside, *[str(word) for word in command]]
        process = subprocess.Popen(words, env=environment, start_new_session=True, **more)
        self.running.append(process)
        return process

    def pull_cable(self) -> None:
        """Nothing gets in or out any more; what runs there goes on."""
        _ip("-n", self.name, "link", "set", "eth0", "down")

    def end(self) -> None:
        """End what runs there."""
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def nodes(count: int) -> Iterator[list[Node]]:
    """So many computers on one switch, which belongs to the first; they end with the block, and what runs there too."""
    missing = [name for name in ("ip", "unshare", "hostname") if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        raise NotAllowedError(f"namespaces take root and the command {' and '.join(missing or ['ip'])}")
    made = [Node(f"spinemr-{os.getpid()}-{number}", f"{NETWORK}.{number + 1}") for number in range(count)]
    try:
        for node in made:
            _ip("netns", "add", node.name)
            _ip("-n", node.name, "link", "set", "lo", "up")
        _wire(made)
        yield made
    finally:
        for node in made:
            node.end()
            with suppress(NotAllowedError):
                _ip("netns", "delete", node.name)


def _wire(made: Sequence[Node]) -> None:
    head = made[0].name
    _ip("-n", head, "link", "add", "switch", "type", "bridge")
    _ip("-n", head, "address", "add", f"{made[0].address}/24", "dev", "switch")
    _ip("-n", head, "link", "set", "switch", "up")
    for number, node in enumerate(made[1:]):
        port = f"port{number}"
        _ip("-n", head, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node.name)
        _ip("-n", head, "link", "set", port, "master", "switch", "up")
        _ip("-n", node.name, "address", "add", f"{node.address}/24", "dev", "eth0")
        _ip("-n", node.name, "link", "set", "eth0", "up")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotAllowedError(f"ip {' '.join(words)}: {done.stderr.strip()}")
