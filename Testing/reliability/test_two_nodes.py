"""A cohort on two computers that share a disk and a switch: its work is shared out, and one of them may be lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are of Linux")]
for needed in ("distributed", "pyarrow"):
    pytest.importorskip(needed)

from nodes import Node, NotAllowedError, nodes  # noqa: E402

from spinemr.cohort.cohort_folder import finished_in  # noqa: E402
from spinemr.cohort.tables import read_columns  # noqa: E402
from spinemr.imaging.files import write_image  # noqa: E402
from spinemr.synthesis.study import draw_study  # noqa: E402

STUDIES, DRAWN, PORT = 6, 3, 8786
PATIENCE_S = 300.0
LOST_AFTER = "8s"
"""How long the scheduler waits for a sign of life; Dask's own value is five minutes."""
WHO_WORKED = """
import json, sys
from distributed import Client

def worked():
    import platform
    from spinemr.cohort import task
    return platform.node(), task._worker._tools is not None

with Client(sys.argv[1]) as client:
    print(json.dumps(list(client.run(worked).values())))
"""


@dataclass
class Cluster:
    """The computer one types at, with the scheduler, and two that work."""

    head: Node
    workers: list[Node]
    manifest: Path

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://{self.head.address}:{PORT}"

    def cohort(self, out: Path) -> subprocess.Popen[str]:
        """``spinemr cohort`` on it."""
        words = ["cohort", self.manifest, "-o", out, "--scheduler", self.address, "--harmonize", "zscore", "--json"]
        command = [sys.executable, "-m", "spinemr.cli", *words]
        return self.head.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Ready to work."""
    lines = ["id,path"]
    for seed in range(DRAWN):
        write_image(draw_study(seed, scanner="cedar-1.5t-t1").image[::2, ::2, ::2], tmp_path / f"{seed}.nii.gz")
    lines += [f"s{number},{number % DRAWN}.nii.gz" for number in range(STUDIES)]
    (tmp_path / "studies.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        with nodes(3) as (head, *workers):
            made = Cluster(head, workers, tmp_path / "studies.csv")
            _start(made, tmp_path)
            yield made
    except NotAllowedError as error:
        pytest.skip(str(error))


def _start(cluster: Cluster, folder: Path) -> None:
    with (folder / "cluster.log").open("wb") as log:
        told = {"stdout": log, "stderr": log, "env": {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": LOST_AFTER}}
        dask = [sys.executable, "-m"]
        listening = ["--host", cluster.head.address, "--port", PORT, "--no-dashboard"]
        cluster.head.start([*dask, "distributed.cli.dask_scheduler", *listening], **told)
        for node in cluster.workers:
            own = ["--host", node.address, "--nthreads", 1, "--no-dashboard", "--local-directory", folder / node.name]
            node.start([*dask, "distributed.cli.dask_worker", cluster.address, *own], **told)
    _wait(lambda: (folder / "cluster.log").read_text(encoding="utf-8").count("Registered to") == len(cluster.workers))


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _check(out: Path, running: subprocess.Popen[str]) -> None:
    said, notes = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, notes
    assert json.loads(said.splitlines()[-1])["message"] == "Done"
    assert finished_in(out) == {f"s{number}" for number in range(STUDIES)}
    assert read_columns(out, "studies", ["state"])["state"] == ["finished"] * STUDIES
    assert list(out.glob(".cohort/work-*")) == []
    heights = dict(zip(*read_columns(out, "measurements", ["case", "height_middle_mm"]).values(), strict=True))
    assert heights["s0"] == heights[f"s{DRAWN}"]  # the same image, wherever it was worked on


def test_both_nodes_work(cluster, tmp_path, noted):
    running = cluster.cohort(tmp_path / "out")
    _check(tmp_path / "out", running)
    asked = cluster.head.start([sys.executable, "-c", WHO_WORKED, cluster.address], stdout=subprocess.PIPE, text=True)
    assert sorted(json.loads(asked.communicate()[0])) == [[node.name, True] for node in cluster.workers]
    noted("cluster of two nodes", studies=STUDIES)


def test_a_node_whose_cable_is_pulled_costs_no_study(cluster, tmp_path, noted):
    """It goes on with its study and may even put it in place, while the other one does it again."""
    out = tmp_path / "out"
    running = cluster.cohort(out)
    _wait(lambda: len(list(out.glob(".cohort/work-*/s?-*"))) == len(cluster.workers) or running.poll() is not None)
    cluster.workers[1].pull_cable()
    _check(out, running)
    noted("cluster of two nodes, one of them lost", studies=STUDIES)
