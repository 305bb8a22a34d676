"""The loop: it learns, it goes on after a kill as if nothing had happened, and what it leaves can be exported."""

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from spinemr.imaging.errors import Cancelled, InputError, OutputError
from spinemr.imaging.model_card import ModelCard
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.classes import ANYTHING, NetworkClass
from spinemr.segmentation.training.config import GridSettings, OptimizerSettings
from spinemr.segmentation.training.data import DataOf, Mixture, TrainingData, slice_source
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet, write_packed
from spinemr.synthesis.sample import draw_samples

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.segmentation.inference.model import network_in  # noqa: E402
from spinemr.segmentation.training.averaging import AveragedWeights  # noqa: E402
from spinemr.segmentation.training.checkpoint import Checkpoint, load_weights  # noqa: E402
from spinemr.segmentation.training.loop import learning_rate, train  # noqa: E402
from spinemr.segmentation.training.run import device_for  # noqa: E402
from spinemr.segmentation.training.validation import confidence_interval, dice_of  # noqa: E402
from spinemr.segmentation.training.weights import round_to_half, write_onnx, write_safetensors  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same_weights(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def stopping_after(step):
    """A progress callback that cancels a run in its middle."""

    def report(state):
        if state.message.startswith(f"Step {step} "):
            raise Cancelled

    return report


def test_a_killed_run_goes_on_with_the_very_next_step(tmp_path, tiny_run):
    config = tiny_run(steps=6, checkpoint_every=2)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(config, tmp_path / "killed", progress=stopping_after(5))
    assert Checkpoint.read(tmp_path / "killed" / "last.pt").step == 4
    resumed = train(config, tmp_path / "killed", resume=True)
    assert resumed.losses == whole.losses[4:]
    ends = [Checkpoint.read(tmp_path / name / "last.pt") for name in ("whole", "killed")]
    assert same_weights(ends[0].network, ends[1].network)
    assert same_weights(ends[0].averaged, ends[1].averaged)


def test_a_run_is_neither_overwritten_nor_resumed_as_another(tmp_path, tiny_run):
    config = tiny_run(steps=1)
    train(config, tmp_path)
    with pytest.raises(OutputError, match="holds a run already"):
        train(config, tmp_path)
    with pytest.raises(InputError, match="another configuration"):
        train(replace(config, seed=6), tmp_path, resume=True)
    with pytest.raises(InputError, match="not a checkpoint"):
        train(config, tmp_path / "nothing", resume=True)


def test_a_run_begins_with_given_weights(tmp_path, tiny_run):
    first = train(tiny_run(steps=3), tmp_path / "first")
    given = Checkpoint.read(first.best).averaged
    still = OptimizerSettings(learning_rate=1e-12, weight_decay=0.0, ema_decay=0.0, warm_up_steps=0)
    begun = replace(tiny_run(steps=1), start_from=str(first.best), optimizer=still)
    train(begun, tmp_path / "second")
    found = Checkpoint.read(tmp_path / "second" / "last.pt").network
    learned = [name for name, value in found.items() if name.endswith(("weight", "bias")) and value.dtype.is_floating_point]
    assert learned
    assert all(torch.allclose(found[name], given[name], atol=1e-6) for name in learned)


def test_weights_of_another_network_are_refused(tmp_path, tiny_run):
    first = train(tiny_run(steps=1), tmp_path / "first")
    options = {**tiny_run(steps=1).network.options, "width": 12}
    other = replace(tiny_run(steps=1), network=replace(tiny_run(steps=1).network, options=options), start_from=str(first.best))
    with pytest.raises(InputError, match="do not fit"):
        train(other, tmp_path / "second")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"weights")
    with pytest.raises(InputError, match="not a file of weights"):
        train(replace(tiny_run(steps=1), start_from=str(broken)), tmp_path / "third")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "best.pt"
    path.write_bytes(b"weights")
    with pytest.raises(InputError, match="not a checkpoint"):
        Checkpoint.read(path)


def test_workers_prepare_the_same_batches(tmp_path, tiny_run):
    alone = train(tiny_run(steps=2), tmp_path / "alone")
    helped = train(tiny_run(steps=2, workers=1), tmp_path / "helped")
    assert helped.losses == alone.losses


@pytest.mark.slow
def test_several_processes_keep_the_same_weights_and_learn_from_different_batches(tmp_path, tiny_run):
    config = tmp_path / "run.json"
    config.write_text(json.dumps(tiny_run(steps=3, checkpoint_every=3).as_dict()), encoding="utf-8")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, pathlib, json, os\n"
        "from spinemr.segmentation.training.config import read_config\n"
        "from spinemr.segmentation.training.loop import train\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "outcome = train(read_config(here / 'run.json'), here / 'run')\n"
        "target = here / ('losses ' + os.environ['RANK'] + '.json')\n"
        "target.write_text(json.dumps(outcome.losses))\n"
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launcher, str(program), str(tmp_path)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    losses = [json.loads((tmp_path / f"losses {rank}.json").read_text()) for rank in (0, 1)]
    assert losses[0] != losses[1]
    together = Checkpoint.read(tmp_path / "run" / "last.pt")
    alone = train(tiny_run(steps=3, checkpoint_every=3), tmp_path / "alone")
    assert alone.losses[0] == losses[0][0]
    assert alone.losses[1:] != losses[0][1:]  # the others' gradients were felt
    assert together.step == 3


def test_the_learning_rate_warms_up_and_falls_as_a_cosine():
    settings = OptimizerSettings(learning_rate=1.0, warm_up_steps=10, last_share=0.1)
    rates = [learning_rate(settings, step, 110) for step in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_averaged_weights_by_hand():
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0.0)
    averaged = AveragedWeights(layer, 0.5)
    layer.weight.data.fill_(1.0)
    averaged.update(layer, 0)  # d = 1 / 10
    assert float(averaged.state["weight"]) == pytest.approx(0.9)
    averaged.update(layer, 1000)  # d = 0.5
    assert float(averaged.state["weight"]) == pytest.approx(0.95)


def test_a_device_that_is_not_there_is_refused():
    assert device_for("cpu") == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="cuda"):
            device_for("cuda")


class Oracle(torch.nn.Module):
    """Says disc where the image is bright, background elsewhere."""

    def forward(self, image):
        bright = (image[:, 0] > 0.5).float()
        logits = torch.zeros(len(image), len(NetworkClass), *image.shape[2:])
        logits[:, NetworkClass.DISC] = 20 * bright - 10
        return logits


def oracle_set(truths, image):
    """Slices of one image with several truths (codes 0 background, 1 disc, 2 open)."""
    sets = np.full(256, ANYTHING, np.uint8)
    sets[:2] = NetworkClass.BACKGROUND.bit, NetworkClass.DISC.bit
    slices = [LabelledSlice(image, codes, subject, 1.0, VALIDATION) for subject, codes in truths]
    return SliceSet("oracle", tuple(slices), sets, ("disc", "canal"))


def test_dice_is_counted_over_a_subjects_slices_and_skips_what_is_open():
    image = np.zeros((32, 32), np.uint8)
    image[8:16] = 255
    half = np.zeros_like(image)
    half[8:12] = 1
    nothing = np.zeros_like(image)
    open_below = half.copy()
    open_below[12:] = 2
    found = oracle_set([("A", half), ("A", nothing), ("B", open_below)], image)
    (scores,) = dice_of(Oracle(), [found], GridSettings(32, 32, 1.0))
    rows_mine, rows_true = 8 + 8, 4
    assert scores.of_subjects["disc"] == (pytest.approx(2 * rows_true / (rows_mine + rows_true)), 1.0)
    assert scores.of_subjects["canal"] == ()
    assert scores.mean() == pytest.approx((0.4 + 1.0) / 2)
    assert [text.split(" (")[0] for text in scores.sentences()] == ["oracle disc 0.700"]


def test_confidence_intervals_hold_the_mean_and_shrink_with_n():
    values = [0.8, 0.9, 0.85, 0.95]
    low, high = confidence_interval(values)
    assert 0.8 <= low < np.mean(values) < high <= 0.95
    wide, narrow = high - low, np.subtract(*confidence_interval(values * 25)[::-1])
    assert narrow == pytest.approx(wide / 5, rel=0.2)


def packed_run(tiny_run, drawn_set, folder, **changes):
    """A run on a packed file that has validation slices."""
    write_packed([drawn_set], folder / "packed.npz")
    return tiny_run(sources=[{"kind": "packed", "share": 1, "path": str(folder / "packed.npz")}], **changes)


def test_validation_writes_the_log_and_the_best_weights(tmp_path, tiny_run, drawn_set):
    config = packed_run(tiny_run, drawn_set, tmp_path, steps=4, validate_every=2)
    outcome = train(config, tmp_path / "run")
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert outcome.best_dice == pytest.approx(max(float(row["mean_dice"]) for row in rows), rel=1e-4)
    assert "drawn slices disc" in rows[0]
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == config.as_dict()
    assert Checkpoint.read(outcome.best).best_dice == outcome.best_dice


def test_export_writes_a_model_that_gives_the_same_and_says_how_good_it_is(tmp_path, tiny_run, drawn_set):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")
    from spinemr.segmentation.inference.runtime import OpenVinoRuntime, softmax
    from spinemr.segmentation.training.export import export

    outcome = train(packed_run(tiny_run, drawn_set, tmp_path, steps=2), tmp_path / "run")
    written = export(outcome.best, tmp_path / "models", name="tiny")
    card = ModelCard.read(tmp_path / "models" / "tiny.card.json")
    assert card == written
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"tiny.card.json", "tiny.onnx", "tiny.safetensors"}
    held = drawn_set.only(VALIDATION).slices
    with_discs = {s.subject for s in held if np.isin(s.codes, range(101, 125)).any()}
    assert {metric.name.split(",")[0]: metric.n for metric in card.metrics} == {
        "Dice of vertebra": len({s.subject for s in held}),
        "Dice of disc": len(with_discs),
    }
    images = np.random.default_rng(1).random((2, 1, 48, 80), dtype=np.float32)
    network = Checkpoint.read(outcome.best).network_of_averages()
    with torch.inference_mode():
        exact = softmax(network(torch.from_numpy(images)).numpy().copy())
        round_to_half(network)
        wanted = softmax(network(torch.from_numpy(images)).numpy().copy())
    np.testing.assert_allclose(OpenVinoRuntime(tmp_path / "models" / "tiny.onnx")(images), wanted, atol=1e-4)
    np.testing.assert_allclose(wanted, exact, atol=5e-3)
    with safetensors.safe_open(str(tmp_path / "models" / "tiny.safetensors"), "pt") as file:
        assert file.metadata()["network"] == "plain-unet"
        assert all(torch.equal(file.get_tensor(name).to(value.dtype), value) for name, value in network.state_dict().items())
    opened = network_in(tmp_path / "models" / "tiny.safetensors").state_dict()
    assert {value.dtype for value in opened.values()} == {torch.float32, torch.int64}
    assert same_weights(opened, network.state_dict())


def test_files_hold_weights_in_half_precision_and_full_ones_can_still_be_read(tmp_path, tiny_run):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    state = Checkpoint.read(train(tiny_run(steps=1), tmp_path / "run").best)
    full, rounded = state.network_of_averages(), state.network_of_averages()
    round_to_half(rounded)
    for network, name in ((full, "full"), (rounded, "half")):
        write_onnx(network, state, tmp_path / f"{name}.onnx")
        write_safetensors(network, state, tmp_path / f"{name}.safetensors")
    for kind in ("onnx", "safetensors"):
        assert (tmp_path / f"half.{kind}").stat().st_size < 0.75 * (tmp_path / f"full.{kind}").stat().st_size
    assert str(Path(__file__).parents[3]).encode() not in (tmp_path / "full.onnx").read_bytes()
    half = safetensors.load_file(tmp_path / "half.safetensors")
    assert half["bottleneck.0.weight"].dtype == torch.float16
    assert half["bottleneck.1.running_var"].dtype == half["head.bias"].dtype == torch.float32
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert kinds["bottleneck.0.weight.half"] == onnx.TensorProto.FLOAT16
    assert kinds["head.bias"] == onnx.TensorProto.FLOAT
    again = state.network_of_averages()
    for network, name in ((full, "full"), (rounded, "half")):
        load_weights(again, tmp_path / f"{name}.safetensors")
        assert same_weights(again.state_dict(), network.state_dict())
        assert same_weights(network_in(tmp_path / f"{name}.safetensors").state_dict(), network.state_dict())


def test_weights_beyond_half_precision_stay_as_they_are():
    layer = torch.nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[1e5, 1 / 3]])
    layer.bias.data = torch.tensor([1 / 3])
    round_to_half(layer)
    assert layer.weight.tolist() == [[1e5, 0.333251953125]]
    assert layer.bias.item() == pytest.approx(1 / 3, abs=1e-8)


def test_a_model_nobody_judged_is_not_exported(tmp_path, tiny_run):
    from spinemr.segmentation.training.export import export

    outcome = train(tiny_run(steps=1), tmp_path / "run")
    with pytest.raises(InputError, match="validation"):
        export(outcome.best, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def drawn_for_learning(count, split):
    """Drawn slices brought to 64 x 64 pixels of 3 mm."""
    slices = []
    for index, drawn in zip(range(count), islice(draw_samples(3 if split == TRAIN else 4), count), strict=True):
        grid = NetworkGrid((320, 320), drawn.spacing_mm, (64, 64), (3.0, 3.0))
        image = np.clip(np.rint(grid.to_grid(drawn.image) * 255), 0, 255).astype(np.uint8)
        slices.append(LabelledSlice(image, grid.labels_to_grid(drawn.labels), f"{split} {index // 4}", 3.0, split))
    return slices


@pytest.mark.slow
def test_a_short_run_learns(tmp_path, tiny_run, drawn_set):
    found = replace(drawn_set, slices=(*drawn_for_learning(96, TRAIN), *drawn_for_learning(24, VALIDATION)))
    config = tiny_run(steps=240, batch_size=8, validate_every=80, checkpoint_every=240)
    mixture = Mixture((slice_source(found.only(TRAIN), 1.0, augment=False),), config.grid, 8, 0, config.steps)
    outcome = train(config, tmp_path, data=TrainingData(mixture, (found.only(VALIDATION),)))
    with (tmp_path / "log.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    losses, dices = [row["loss"] for row in rows], [row["mean_dice"] for row in rows]
    assert losses[0] > losses[1] > losses[2]
    assert np.mean(outcome.losses[-20:]) < 0.5 * np.mean(outcome.losses[:20])
    assert dices[-1] > dices[0]
    assert dices[-1] > 0.5
    assert math.isclose(outcome.best_dice, max(dices), rel_tol=1e-4)


def test_a_group_that_is_not_there_is_refused(tmp_path, tiny_run, drawn_set):
    write_packed([drawn_set], tmp_path / "packed.npz")
    source = {"kind": "packed", "share": 1, "path": str(tmp_path / "packed.npz"), "group": "others"}
    with pytest.raises(InputError, match="drawn slices"):
        DataOf(tiny_run(sources=[source])).open()
