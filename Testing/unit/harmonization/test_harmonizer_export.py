"""Checkpoints become models: two files that say the same, a card that was measured, and a target fitted to a folder."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parent))
from network_files import study

from spinemr.cli.main import main
from spinemr.harmonization.inference.reference import own_references
from spinemr.harmonization.inference.runtime import OpenVinoRuntime, TorchRuntime
from spinemr.harmonization.training.settings import Domain, ImageSource
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.model_card import ModelCard

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)
for package in ("onnx", "onnxscript", "safetensors"):
    pytest.importorskip(package, reason=f"{package} is not installed")

from spinemr.harmonization.harmonize import harmonize  # noqa: E402
from spinemr.harmonization.inference.network_method import NetworkMethod, open_reference  # noqa: E402
from spinemr.harmonization.networks.stored import network_in, options_in  # noqa: E402
from spinemr.harmonization.training import export as exporting  # noqa: E402
from spinemr.harmonization.training import fit_target as fitting  # noqa: E402
from spinemr.harmonization.training.checkpoint import HarmonizationCheckpoint, is_harmonizer  # noqa: E402
from spinemr.harmonization.training.export import (  # noqa: E402
    HarmonizerTexts,
    contrast_of_domain,
    export_harmonizer,
    refuse_other_results,
)
from spinemr.harmonization.training.fit_target import Fit, fit_target  # noqa: E402
from spinemr.harmonization.training.loop import train_harmonization  # noqa: E402

CARD = {
    "name": "pair",
    "title": "Two looks",
    "version": "1",
    "licence": "Apache-2.0",
    "intended_use": "tests",
    "limits": "none",
    "recipe": "none",
    "commit": "none",
    "training_data": [{"name": "drawn", "licence": "Apache-2.0", "citation": "this software", "n": 8}],
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def _one_anatomy():
    """Where a run names no pairs one anatomy is drawn to judge on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "PLAIN_PAIRS", replace(exporting.PLAIN_PAIRS, anatomies=1))
        yield


@pytest.fixture(scope="module")
def checkpoints(tiny_harmonizer, tmp_path_factory):
    """Runs of two steps: both methods, and a CycleGAN that sees three slices."""
    pairs = {"sources": ["alder-1.5t-t2"], "target": "birch-3t-t1", "anatomies": 2}
    runs = {
        "cyclegan": tiny_harmonizer("cyclegan", steps=2, pairs=pairs),
        "harmonae": tiny_harmonizer("harmonae", steps=2),
        "three": tiny_harmonizer("cyclegan", {"generator": {"width": 4, "blocks": 1, "inputs": 3}}, steps=2),
    }
    folder = tmp_path_factory.mktemp("runs")
    return {name: train_harmonization(config, folder / name).last for name, config in runs.items()}


@pytest.fixture(scope="module")
def models(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    cards = {name: export_harmonizer(path, folder, name=name) for name, path in checkpoints.items()}
    return folder, cards


@pytest.mark.parametrize("name", ["cyclegan", "harmonae", "three"])
def test_both_files_say_what_the_averaged_network_says(models, checkpoints, name):
    folder, cards = models
    slices = cards[name].harmonizer.slices
    network = HarmonizationCheckpoint.read(checkpoints[name]).network_of_averages()
    for target in cards[name].harmonizer.targets:
        for shape in ((3, slices, 32, 48), (1, slices, 44, 36)):
            images = np.random.default_rng(1).random(shape, dtype=np.float32)
            by_onnx = OpenVinoRuntime(folder / f"{name}.onnx", target.code)(images)
            by_torch = TorchRuntime(network_in(folder / f"{name}.safetensors"), "cpu", target.code)(images)
            codes = (torch.tensor([target.code] * shape[0]),) if target.code else ()
            with torch.inference_mode():
                wanted = network(torch.from_numpy(images), *codes)[:, 0].numpy()
            assert by_onnx.shape == by_torch.shape == (shape[0], *shape[2:])
            assert np.abs(by_onnx - by_torch).max() < 1e-4
            assert np.abs(by_torch - wanted).max() < 5e-3  # weights were rounded to half precision


def test_the_card_says_what_the_network_is_shown_and_what_it_gives(models):
    folder, cards = models
    card = ModelCard.read(folder / "cyclegan.card.json")
    assert card == cards["cyclegan"]
    assert (card.task, card.input.pixel_mm, card.input.multiple, card.input.percentiles) == ("harmonization", 5.0, 4, (0.5, 99.5))
    assert (card.harmonizer.method, card.harmonizer.slices) == ("cyclegan", 1)
    assert [(one.name, one.contrast, one.code) for one in card.harmonizer.targets] == [("t1", "t1", ())]
    assert card.remarks == ("2 of 2 steps.",)
    several = cards["harmonae"].harmonizer
    assert [(one.name, one.contrast, one.code) for one in several.targets] == [("t1", "t1", (0.0, 1.0)), ("t2", "t2", (1.0, 0.0))]
    assert cards["three"].harmonizer.slices == 3


def test_metrics_are_those_of_the_file_on_anatomies_nobody_trained_on(models):
    _, cards = models
    named = {metric.name: metric for metric in cards["cyclegan"].metrics}
    assert len(named) == 7
    after = named["Mean absolute error to the true image (0 to 1), after harmonization"]
    before = named["Mean absolute error to the true image (0 to 1), before"]
    assert after.n == before.n == 2 and 0 < before.value < 1 and after.value != before.value
    assert "alder-1.5t-t2 to birch-3t-t1" in before.data
    assert 0 < named["Mean absolute change of images that look like the target already (0 to 1)"].value < 1
    plain = {metric.name for metric in cards["harmonae"].metrics}
    assert len(plain) == 2 and all("Edge alignment" in name or "Movement" in name for name in plain)


def test_no_file_tells_of_the_machine_it_was_made_on(models):
    folder, _ = models
    here = [str(Path(__file__).resolve().parents[3]), str(folder), "site-packages", ".py"]
    for path in folder.iterdir():
        content = path.read_bytes()
        assert not [text for text in here if text.encode() in content], path.name


def test_weights_are_stored_at_half_their_size(models, checkpoints):
    import onnx

    folder, _ = models
    network = HarmonizationCheckpoint.read(checkpoints["harmonae"]).network_of_averages()
    full = sum(value.numel() * 4 for value in network.state_dict().values())
    assert (folder / "harmonae.safetensors").stat().st_size < 0.7 * full
    kinds = {tensor.data_type for tensor in onnx.load(folder / "harmonae.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds


def test_a_study_goes_through_an_exported_network_on_both_runtimes(models):
    folder, _ = models
    image = study(slices=5, rows=300, columns=260)
    for reference in own_references(folder):
        method = open_reference(reference, "cpu")
        network = network_in(folder / f"{reference.card.name}.safetensors")
        other = NetworkMethod(reference, TorchRuntime(network, "cpu", reference.target.code), method.sha256, method.limits)
        free = replace(method.limits, moved_p95_mm=1e9, moved_p99_mm=1e9, edge_alignment=-1e9)
        results = [harmonize(image, replace(one, limits=free)) for one in (method, other)]
        first, second = (sitk.GetArrayFromImage(one.image) for one in results)
        assert np.abs(first - second).max() < 0.05
        assert not results[0].details["returned_slices"] and first.std() > 0


def test_texts_name_targets_and_their_contrast(checkpoints, tmp_path):
    path = tmp_path / "pair.json"
    path.write_text(json.dumps(CARD | {"targets": {"t2": {"name": "fluid", "contrast": "t2"}}}), encoding="utf-8")
    card = export_harmonizer(checkpoints["harmonae"], tmp_path / "out", HarmonizerTexts.read(path))
    assert (card.name, card.title) == ("pair", "Two looks")
    assert [(one.name, one.contrast) for one in card.harmonizer.targets] == [("fluid", "t2"), ("t1", "t1")]  # named ones first
    path.write_text(json.dumps(CARD | {"targets": {"t3": {}}}), encoding="utf-8")
    with pytest.raises(InputError, match="no domain t3"):
        export_harmonizer(checkpoints["harmonae"], tmp_path / "out", HarmonizerTexts.read(path))


def test_a_domain_may_be_no_target(checkpoints, tmp_path):
    path = tmp_path / "card.json"
    path.write_text(json.dumps(CARD | {"targets": {"t2": False}}), encoding="utf-8")
    card = export_harmonizer(checkpoints["harmonae"], tmp_path / "out", HarmonizerTexts.read(path))
    assert [(one.name, one.code) for one in card.harmonizer.targets] == [("t1", (0.0, 1.0))]
    path.write_text(json.dumps(CARD | {"targets": {"t1": False}}), encoding="utf-8")
    with pytest.raises(InputError, match="was trained for t1"):
        export_harmonizer(checkpoints["harmonae"], tmp_path / "out", HarmonizerTexts.read(path))


@pytest.mark.parametrize("targets", [{"t2": {"contrast": "pd"}}, {"t2": {"colour": "t1"}}, ["t2"]])
def test_texts_that_make_no_sense_are_refused(tmp_path, targets):
    path = tmp_path / "pair.json"
    path.write_text(json.dumps(CARD | {"targets": targets}), encoding="utf-8")
    with pytest.raises(InputError, match="In pair"):
        HarmonizerTexts.read(path)


@pytest.mark.parametrize(
    ("scanners", "contrast"),
    [
        (("alder-1.5t-t1", "birch-3t-t1"), "t1"), (("alder-3t-space", "cedar-1.5t-t2"), "t2"),
        (("alder-1.5t-t1", "alder-1.5t-t2"), ""), (("cedar-1.5t-pd",), ""),
    ],
)  # fmt: skip
def test_contrast_is_known_where_all_scanners_have_it(scanners, contrast):
    assert contrast_of_domain(Domain("d", (ImageSource("drawn", scanners=scanners),))) == contrast
    mixed = (ImageSource("drawn", scanners=scanners), ImageSource("folder", path="own"))
    assert contrast_of_domain(Domain("d", mixed)) == ""


def test_files_that_differ_are_not_exported(models):
    folder, cards = models
    network = network_in(folder / "cyclegan.safetensors")
    with torch.no_grad():
        network.head[1].bias += 0.1
    with pytest.raises(OutputError, match="OpenVINO and PyTorch differ"):
        refuse_other_results(network, folder / "cyclegan.onnx", cards["cyclegan"].harmonizer)


def test_the_command_sees_what_a_checkpoint_is_of(checkpoints, tmp_path, capsys):
    assert is_harmonizer(checkpoints["harmonae"]) and not is_harmonizer(Path(__file__))
    assert main(["export", str(checkpoints["harmonae"]), "-o", str(tmp_path), "--name", "clinic-a"]) == 0
    assert "clinic-a in" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clinic-a.card.json", "clinic-a.onnx", "clinic-a.safetensors"]
    assert main(["export", str(checkpoints["harmonae"]), "-o", str(tmp_path), "--int8"]) == 2
    assert "no eight-bit variant" in capsys.readouterr().err
    assert main(["export", str(Path(__file__)), "-o", str(tmp_path)]) == 2


@pytest.fixture(scope="module")
def able(tiny_harmonizer, tmp_path_factory):
    """A HarMOnAE that has learnt to reconstruct a little."""
    folder = tmp_path_factory.mktemp("able")
    config = tiny_harmonizer("harmonae", {"network": {"width": 8, "blocks": 2, "code_width": 16}}, steps=80)
    export_harmonizer(train_harmonization(config, folder / "run").last, folder / "models", name="able")
    return own_references(folder / "models")[0]


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Six studies whose bright is dark: no trained scanner looks like that."""
    folder = tmp_path_factory.mktemp("studies")
    for seed in range(6):
        image = study(slices=3, rows=240, columns=240, spacing=(1.0, 1.0, 4.0), seed=seed)
        values = sitk.GetArrayFromImage(image)
        dark = sitk.GetImageFromArray(values.max() - values)
        dark.CopyInformation(image)
        sitk.WriteImage(dark, str(folder / f"{seed}.nii.gz"))
    return folder


@pytest.mark.slow
def test_a_target_is_fitted_to_studies_with_the_encoder_untouched(able, studies, tmp_path):
    reports = []
    card = fit_target(studies, able, tmp_path, name="dark", contrast="t1", fit=Fit(300, device="cpu"), progress=reports.append)
    new, best = card.metrics
    assert new.n == best.n == 6 and new.value < 0.8 * best.value
    (target,) = card.harmonizer.targets
    assert (target.name, target.contrast, len(target.code)) == ("dark", "t1", 2)
    files = able.folder / "able.safetensors", tmp_path / "dark.safetensors"
    before, after = (network_in(path) for path in files)
    assert options_in(files[0]) == options_in(files[1])
    changed = {name for name, value in before.state_dict().items() if not torch.equal(value, after.state_dict()[name])}
    assert changed and all(name.startswith("mlp.") for name in changed)
    assert [one.fraction for one in reports] == sorted(one.fraction for one in reports) and reports[-1].fraction == 1
    assert card.training_data[0].n == 6
    assert str(studies) not in (tmp_path / "dark.card.json").read_text(encoding="utf-8")
    assert open_reference(own_references(tmp_path)[0], "cpu").transform(study(rows=240, columns=240)).GetSize() == (240, 240, 5)


def test_the_same_seed_fits_the_same_code(able, studies, tmp_path, monkeypatch):
    products = []
    monkeypatch.setattr(fitting, "write_model", lambda product, *_: products.append(product))
    for seed in (1, 1, 2):
        fit_target(studies, able, tmp_path, name="dark", fit=Fit(3, device="cpu", seed=seed))
    codes = [product.harmonizer.targets[0].code for product in products]
    assert codes[0] == codes[1] != codes[2]


def test_targets_that_cannot_be_fitted_are_refused(able, models, tmp_path, capsys):
    folder, _ = models
    cyclegan = own_references(folder / "cyclegan.card.json")[0]
    with pytest.raises(InputError, match="to HarMOnAE only"):
        fit_target(tmp_path, cyclegan, tmp_path / "out", name="x")
    (tmp_path / "one").mkdir()
    sitk.WriteImage(study(slices=1), str(tmp_path / "one" / "a.nii.gz"))
    with pytest.raises(InputError, match="One slice is too little"):
        fit_target(tmp_path / "one", able, tmp_path / "out", name="x")
    (tmp_path / "none").mkdir()
    card = str(able.folder / "able.card.json")
    assert main(["train", "target", str(tmp_path / "none"), "-o", str(tmp_path / "out"), "--model", card]) == 2
    assert "holds no images" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_fit_that_is_stopped_leaves_nothing(able, studies, tmp_path):
    def stop(report):
        if report.fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_target(studies, able, tmp_path / "out", name="dark", fit=Fit(4, device="cpu"), progress=stop)
    assert not (tmp_path / "out").exists()
