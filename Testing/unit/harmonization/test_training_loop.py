"""The loop of harmonization: it goes on after a kill as if nothing had happened, writes what it should, and learns."""

import csv
import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import Cancelled, InputError, OutputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.harmonization.training.checkpoint import HarmonizationCheckpoint  # noqa: E402
from spinemr.harmonization.training.loop import train_harmonization  # noqa: E402

METHODS = ("cyclegan", "harmonae")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(one, other):
    """Whether two nested states hold the same numbers."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def stopping_after(step):
    def report(state):
        if state.message.startswith(f"Step {step} "):
            raise Cancelled

    return report


def rows_of(folder):
    with (folder / "log.csv").open(encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_with_the_very_next_step(tmp_path, tiny_harmonizer, method):
    config = tiny_harmonizer(method)
    whole = train_harmonization(config, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train_harmonization(config, tmp_path / "killed", progress=stopping_after(3))
    assert HarmonizationCheckpoint.read(tmp_path / "killed" / "last.pt").step == 2
    resumed = train_harmonization(config, tmp_path / "killed", resume=True)
    assert resumed.losses == whole.losses[2:]
    ends = [HarmonizationCheckpoint.read(tmp_path / name / "last.pt").learner for name in ("whole", "killed")]
    assert same(*ends)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_begins_with_the_averaged_weights_of_another(tmp_path, tiny_harmonizer, method):
    first = train_harmonization(tiny_harmonizer(method), tmp_path / "first")
    still = {"learning_rate": 1e-9, "ema_decay": 0.9}
    config = tiny_harmonizer(method, start_from=str(first.last), steps=1, seed=6, optimizer=still)
    second = train_harmonization(config, tmp_path / "second")
    before, after = (HarmonizationCheckpoint.read(one.last).learner for one in (first, second))
    for name, weights in before["averaged"].items():
        for key, values in weights.items():
            torch.testing.assert_close(after["networks"][name][key], values, atol=1e-6, rtol=0)
            torch.testing.assert_close(after["averaged"][name][key], values, atol=1e-6, rtol=0)
    adversary = {"cyclegan": "judge_y", "harmonae": "classifier"}[method]
    for key, values in before["networks"][adversary].items():
        torch.testing.assert_close(after["networks"][adversary][key], values, atol=1e-6, rtol=0)


def test_scanners_are_found_again_by_their_names_and_new_ones_begin_as_the_mean(tmp_path, tiny_harmonizer):
    first = train_harmonization(tiny_harmonizer("harmonae"), tmp_path / "first")
    pd = {"name": "pd", "sources": [{"kind": "drawn", "scanners": ["cedar-1.5t-pd"], "anatomies": 4}]}
    t2, t1 = (asdict(domain) for domain in tiny_harmonizer("harmonae").domains)
    still = {"learning_rate": 1e-9, "ema_decay": 0.9}
    config = tiny_harmonizer("harmonae", start_from=str(first.last), steps=1, domains=[t1, pd, t2], batch_size=3, optimizer=still)
    second = train_harmonization(config, tmp_path / "second")
    before, after = (HarmonizationCheckpoint.read(one.last).learner for one in (first, second))
    old, new = before["averaged"]["autoencoder"]["mlp.0.weight"], after["networks"]["autoencoder"]["mlp.0.weight"]
    expected = torch.stack([old[:, 1], old.mean(dim=1), old[:, 0]], dim=1)
    torch.testing.assert_close(new, expected, atol=1e-6, rtol=0)
    old, new = before["networks"]["classifier"]["guess.weight"], after["networks"]["classifier"]["guess.weight"]
    torch.testing.assert_close(new[[0, 2]], old[[1, 0]], atol=1e-6, rtol=0)
    assert not torch.equal(new[1], old.mean(dim=0))


def test_a_killed_run_goes_on_without_the_one_it_began_with(tmp_path, tiny_harmonizer):
    first = train_harmonization(tiny_harmonizer("harmonae", steps=1), tmp_path / "first")
    config = tiny_harmonizer("harmonae", start_from=str(first.last))
    whole = train_harmonization(config, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train_harmonization(config, tmp_path / "killed", progress=stopping_after(3))
    first.last.unlink()
    assert train_harmonization(config, tmp_path / "killed", resume=True).losses == whole.losses[2:]


def test_weights_that_do_not_fit_are_refused(tmp_path, tiny_harmonizer):
    first = train_harmonization(tiny_harmonizer("harmonae", steps=1), tmp_path / "first")
    for config, complaint in (
        (tiny_harmonizer("cyclegan", start_from=str(first.last)), "is of a run of harmonae: a run of cyclegan cannot begin"),
        (tiny_harmonizer("harmonae", {"network": {"width": 8, "blocks": 1}}, start_from=str(first.last)), "do not fit"),
        (tiny_harmonizer("harmonae", start_from=str(tmp_path / "none.pt")), "there is no such file"),
        (tiny_harmonizer("harmonae", start_from=str(first.last.with_name("log.csv"))), "is not a checkpoint"),
    ):
        with pytest.raises(InputError, match=complaint):
            train_harmonization(config, tmp_path / "second")
        assert not (tmp_path / "second" / "last.pt").exists()


@pytest.mark.parametrize("method", METHODS)
def test_the_journal_holds_the_mean_of_every_term(tmp_path, tiny_harmonizer, method):
    outcome = train_harmonization(tiny_harmonizer(method, steps=4), tmp_path)
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == [2, 4]
    expected = {
        "cyclegan": ("adversarial", "cycle", "identity", "radiomics", "discriminator"),
        "harmonae": ("reconstruction", "adversarial", "latent", "classifier"),
    }[method]
    assert tuple(outcome.losses[0]) == expected
    for name in expected:
        assert rows[1][name] == pytest.approx(np.mean([losses[name] for losses in outcome.losses[2:]]), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_panel_has_a_row_an_image_and_a_column_a_view(tmp_path, tiny_harmonizer, method):
    train_harmonization(tiny_harmonizer(method, steps=2, panel_every=2), tmp_path)
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "panels" / "step_0000002.png")))
    rows, columns = {"cyclegan": (3, 4), "harmonae": (6, 5)}[method]
    assert picture.shape == (36 * rows, 36 * columns, 3)
    assert 0 < picture[:32, :32].mean() < 255


def test_no_checkpoint_goes_before_the_panel_of_its_step(tmp_path, tiny_harmonizer, monkeypatch):
    """Else a kill between the two would leave a gap that no resumed run fills."""
    real, seen = HarmonizationCheckpoint.write, []

    def write(state, path):
        seen.append((state.step, (path.parent / "panels" / f"step_{state.step:07}.png").is_file()))
        real(state, path)

    monkeypatch.setattr(HarmonizationCheckpoint, "write", write)
    train_harmonization(tiny_harmonizer("harmonae", steps=4, panel_every=2, checkpoint_every=2), tmp_path)
    assert seen == [(2, True), (4, True)]


@pytest.mark.parametrize("method", METHODS)
def test_the_checkpoint_gives_what_harmonizes(tmp_path, tiny_harmonizer, method):
    train_harmonization(tiny_harmonizer(method, steps=2), tmp_path)
    state = HarmonizationCheckpoint.read(tmp_path / "last.pt")
    network = state.network_of_averages()
    averaged = state.learner["averaged"]["to_y" if method == "cyclegan" else "autoencoder"]
    assert same(dict(network.state_dict()), averaged)
    more = () if method == "cyclegan" else (torch.eye(2)[[1]],)
    with torch.inference_mode():
        made = network(torch.rand(1, 1, 48, 40), *more)
    assert made.shape == (1, 1, 48, 40)
    assert float(made.min()) >= 0 and float(made.max()) <= 1


def test_a_run_is_neither_overwritten_nor_resumed_as_another(tmp_path, tiny_harmonizer):
    config = tiny_harmonizer("harmonae", steps=1)
    train_harmonization(config, tmp_path)
    with pytest.raises(OutputError, match="holds a run already"):
        train_harmonization(config, tmp_path)
    with pytest.raises(InputError, match="another configuration"):
        train_harmonization(replace(config, seed=6), tmp_path, resume=True)
    with pytest.raises(InputError, match="not a checkpoint"):
        train_harmonization(config, tmp_path / "nothing", resume=True)


def test_workers_prepare_the_same_batches(tmp_path, tiny_harmonizer):
    alone = train_harmonization(tiny_harmonizer("harmonae", steps=2), tmp_path / "alone")
    helped = train_harmonization(tiny_harmonizer("harmonae", steps=2, workers=1), tmp_path / "helped")
    assert helped.losses == alone.losses


@pytest.mark.parametrize("method", METHODS)
def test_neighbouring_slices_make_one(tmp_path, tiny_harmonizer, method):
    part = (
        {"generator": {"width": 4, "blocks": 1, "inputs": 3}} if method == "cyclegan" else {"network": {"width": 4, "inputs": 3}}
    )
    pairs = {"sources": ["alder-1.5t-t2"], "target": "birch-3t-t1", "anatomies": 1}
    outcome = train_harmonization(tiny_harmonizer(method, part, steps=2, pairs=pairs), tmp_path)
    assert all(np.isfinite(list(losses.values())).all() for losses in outcome.losses)
    assert 0 < outcome.nearness["pairs mae"] < 1


def test_half_precision_trains_too(tmp_path, tiny_harmonizer):
    full = train_harmonization(tiny_harmonizer("cyclegan", steps=1), tmp_path / "full").losses[0]
    half = train_harmonization(tiny_harmonizer("cyclegan", steps=1, precision="bf16"), tmp_path / "half").losses[0]
    assert half != full
    assert half["cycle"] == pytest.approx(full["cycle"], rel=0.05)


@pytest.mark.slow
def test_several_processes_keep_the_same_weights(tmp_path, tiny_harmonizer):
    config = tmp_path / "run.json"
    config.write_text(json.dumps(tiny_harmonizer("harmonae", steps=3).as_dict()), encoding="utf-8")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, pathlib, json, os\n"
        "from spinemr.harmonization.training.config import read_config\n"
        "from spinemr.harmonization.training.loop import train_harmonization\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "outcome = train_harmonization(read_config(here / 'run.json'), here / 'run')\n"
        "(here / ('losses ' + os.environ['RANK'] + '.json')).write_text(json.dumps(outcome.losses))\n"
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launcher, str(program), str(tmp_path)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    losses = [json.loads((tmp_path / f"losses {rank}.json").read_text()) for rank in (0, 1)]
    assert losses[0] != losses[1]
    alone = train_harmonization(tiny_harmonizer("harmonae", steps=3), tmp_path / "alone")
    first, shared = dict(alone.losses[0]), dict(losses[0][0])
    assert first.pop("adversarial") != shared.pop("adversarial")  # the classifier has taken a step by the gradients of both
    assert first == shared
    assert list(alone.losses[1:]) != losses[0][1:]


LEARNING = {
    "cyclegan": {
        "generator": {"width": 8, "blocks": 1, "residual_image": True},
        "discriminator_width": 8,
        "weights": {"dice_target": 0.0, "dice_source": 0.0, "radiomics": 0.0, "identity": 1.0},
        "pool": 50,
    },
    "harmonae": {"network": {"width": 8, "blocks": 1, "code_width": 16}, "weights": {"adversarial": 0.3, "latent": 0.1}},
}
RATES = {"cyclegan": 1e-3, "harmonae": 4e-3}
REACHED = {"cyclegan": 0.8, "harmonae": 0.95}
"""Of the error of doing nothing. The auto-encoder has to learn to draw the image at all, so that it needs longer."""


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_short_run_brings_images_nearer_to_the_truth(tmp_path, tiny_harmonizer, method):
    """T2 towards T1, anatomies never seen: the error to the T1 image of the same anatomy falls below that of doing nothing."""
    domains = [
        {"name": name, "sources": [{"kind": "drawn", "scanners": [scanner], "anatomies": 40}]}
        for name, scanner in (("t2", "alder-1.5t-t2"), ("t1", "birch-3t-t1"))
    ]
    config = tiny_harmonizer(
        method,
        LEARNING[method],
        steps={"cyclegan": 400, "harmonae": 600}[method],
        batch_size=4,
        grid={"rows": 64, "columns": 64, "pixel_mm": 3.0},
        domains=domains,
        optimizer={"learning_rate": RATES[method], "ema_decay": 0.95},
        pairs={"sources": ["alder-1.5t-t2"], "target": "birch-3t-t1", "anatomies": 4},
        validate_every=100,
        checkpoint_every=600,
        precision="bf16",
    )
    found = train_harmonization(config, tmp_path).nearness
    assert found["pairs mae"] < REACHED[method] * found["pairs mae before"]
    if method == "cyclegan":
        assert found["pairs ssim"] > found["pairs ssim before"]
