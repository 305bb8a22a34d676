"""Where a result comes from, without whose it is or on which machine."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from spinemr.imaging import Provenance, Stopwatch, sha256_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.provenance import sidecar_of, versions
from spinemr.imaging.version import __version__


def test_a_sidecar_tells_everything_and_no_folder(tmp_path):
    folder = tmp_path / "PLANTEDNAME ANNA"
    folder.mkdir()
    image = folder / "scan.nii.gz"
    image.write_bytes(b"pixels")
    watch = Stopwatch()
    with watch.phase("read"):
        pass
    record = Provenance.of(
        "segment",
        command=["spinemr", "segment", str(image), f"--out={folder}/r.nii.gz", "--labels=verse", "data/x/y.nii", r"C:\P\z.nii"],
        parameters={"threshold": 0.5, "mask": image, "text": "T1/T2", "path": str(image), "levels": (1, 2), "bad": float("nan")},
        inputs=[image],
        models={"spine-1": "ab" * 32},
        seconds=watch.seconds,
    )
    path = record.write_beside(tmp_path / "result.nii.gz")
    assert path == tmp_path / "result.json"
    text = path.read_text("utf-8")
    assert "PLANTED" not in text
    assert str(tmp_path) not in text
    found = json.loads(text)
    assert found["command"] == ["spinemr", "segment", "scan.nii.gz", "--out=r.nii.gz", "--labels=verse", "y.nii", "z.nii"]
    assert found["parameters"] == {
        "threshold": 0.5, "mask": "scan.nii.gz", "text": "T1/T2", "path": "scan.nii.gz", "levels": [1, 2], "bad": "nan",
    }  # fmt: skip
    assert found["inputs"] == [{"name": "scan.nii.gz", "sha256": hashlib.sha256(b"pixels").hexdigest()}]
    assert found["models"] == {"spine-1": "ab" * 32}
    assert list(found["seconds"]) == ["read"]
    assert found["versions"]["spinemr"] == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["created"])


def test_versions_name_what_computed_the_result():
    found = versions()
    assert set(found) == {"spinemr", "python", "platform", "numpy", "scipy", "SimpleITK"}
    assert re.match(r"\d+\.\d+", found["numpy"])


def test_a_package_without_metadata_is_unknown_not_an_error(monkeypatch):
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert versions()["SimpleITK"] == "unknown"


@pytest.mark.parametrize(
    ("result", "sidecar"), [("a.nii.gz", "a.json"), ("a.seg.nrrd", "a.json"), ("a.v2.mha", "a.v2.json"), ("a.csv", "a.json")]
)
def test_the_sidecar_lies_beside_its_result(result, sidecar):
    assert sidecar_of(Path("out") / result) == Path("out") / sidecar


def test_a_stopwatch_adds_up_phases_even_those_that_fail():
    watch = Stopwatch()
    for _ in range(2):
        with watch.phase("work"):
            pass
    with pytest.raises(ValueError, match="x"), watch.phase("failed"):
        raise ValueError("x")
    assert list(watch.seconds) == ["work", "failed"]
    assert all(seconds >= 0 for seconds in watch.seconds.values())


def test_a_folder_s_sum_depends_on_names_and_bytes_and_not_on_where_it_lies(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "1.dcm").write_bytes(b"one")
        (tmp_path / name / "sub" / "2.dcm").write_bytes(b"two")
    first = sha256_of(tmp_path / "a")
    assert first == sha256_of(tmp_path / "b")
    (tmp_path / "b" / "sub" / "2.dcm").write_bytes(b"TWO")
    assert first != sha256_of(tmp_path / "b")
    (tmp_path / "a" / "1.dcm").rename(tmp_path / "a" / "3.dcm")
    assert first != sha256_of(tmp_path / "a")


def test_a_missing_input_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"Cannot read .*gone\.nii: No such file"):
        sha256_of(tmp_path / "gone.nii")
