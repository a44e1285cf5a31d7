"""Training from a callable: what it may return, where it stops, what it leaves."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.progress import Progress, listening
from converters.serial import loads
from converters.sources import describe_source
from converters.training import TrainingPlan, TrainingRecord, train
from tests.converters.training_code import CODE


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_training.py").write_text(CODE)
    return tmp_path / "code"


def _plan(code: Path, name: str, **changes: object) -> TrainingPlan:
    settings = {"epochs": 1, "batch": 8} | changes
    return TrainingPlan(f"own_training:{name}", (code,), **settings)


def _fails(code: Path, name: str, **changes: object) -> str:
    with pytest.raises(EdgeproofError) as caught:
        train(_plan(code, name, **changes), code / "out")
    assert not (code / "out").exists()
    return str(caught.value)


def test_training_leaves_a_model_and_its_record(code: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    with listening(steps.append):
        record = train(_plan(code, "good", epochs=4, seed=7, optimizer="adam"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.keras", "training.json"]
    assert loads((tmp_path / "out" / "training.json").read_text(), TrainingRecord) == record
    assert (record.model_type, record.optimizer, record.epochs, record.batch) == ("Sequential", "Adam", 4, 8)
    assert set(record.metrics) == {"loss", "mae", "val_loss", "val_mae"}
    assert record.final_loss == record.metrics["loss"]
    assert len(record.experiment_id) == 32
    assert record.started_at.endswith("+00:00")
    assert record.notes == ()
    assert [(s.stage, s.done, s.total) for s in steps if s.done][-1] == ("train", 4, 4)
    assert {s.done for s in steps} >= {1, 2, 3, 4}
    assert str(describe_source(record.model).signature) == "(x: float32[?, 4]) -> (y: float32[?, 1])"


def test_optimizer_of_the_plan_keeps_loss_and_metrics(code: Path, tmp_path: Path) -> None:
    own = train(_plan(code, "good", seed=7), tmp_path / "own")
    other = train(_plan(code, "good", seed=7, optimizer="rmsprop"), tmp_path / "other")
    assert (own.optimizer, other.optimizer) == ("SGD", "RMSprop")
    assert set(own.metrics) == set(other.metrics)
    assert own.final_loss != other.final_loss


def test_same_seed_gives_the_same_weights(code: Path, tmp_path: Path) -> None:
    def weights(seed: int, out: str) -> np.ndarray:
        record = train(_plan(code, "random_arrays", seed=seed, epochs=2), tmp_path / out)
        return np.concatenate([np.ravel(w) for w in keras.saving.load_model(record.model).get_weights()])

    first = weights(3, "a")
    assert np.array_equal(first, weights(3, "b"))
    assert not np.array_equal(first, weights(4, "c"))


def test_watching_a_model_changes_nothing_in_it(code: Path, tmp_path: Path) -> None:
    from converters.training_watch import watching

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    owners = [model, model.layers[0], model.optimizer]
    before = [set(vars(owner)) for owner in owners]
    with watching(model):
        assert all("call" in vars(owner) or "apply" in vars(owner) for owner in owners)
    assert [set(vars(owner)) for owner in owners] == before


@pytest.mark.parametrize(
    ("name", "step", "got"),
    [
        ("forward_inf", 3, "Inf in the output of layer 'log' (Log)"),
        ("inf_in_an_op", 3, "Inf in the output of layer 'log' (Log)"),
        ("inf_in_a_nested_model", 3, "Inf in the output of layer 'inner/log' (Log)"),
        ("exploding", 2, "Inf in the loss"),
        ("loss_nan", 1, "NaN in the loss"),
        ("gradient_nan", 1, "NaN in the gradient of '{model}/y/kernel'"),
        ("data_nan", 2, "NaN in the training data"),
        ("targets_inf", 2, "Inf in the targets of the training data"),
    ],
)
def test_training_stops_at_the_first_nan_or_inf(code: Path, name: str, step: int, got: str) -> None:
    keras.utils.clear_session()
    assert _fails(code, name) == (
        f"own_training:{name}: training stopped at step {step} of epoch 1\n"
        f"  got:  {got.format(model='sequential')}\n"
        "  want: finite numbers\n"
        "  fix:  look at that batch and layer; a smaller learning rate or clipped gradients often help"
    )


def test_infinity_that_a_layer_throws_away_does_not_stop_training(code: Path, tmp_path: Path) -> None:
    assert np.isfinite(train(_plan(code, "harmless_inf"), tmp_path / "out").final_loss)


def test_function_that_is_traced_with_every_call_is_noted(
    code: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "edgeproof.training"):
        record = train(_plan(code, "retracing", epochs=3), tmp_path / "out")
    note = (
        "The tf.function doubled is traced anew with every call, which is slow: pass tensors instead of "
        "Python numbers, keep shapes the same, and make it once, outside of loops."
    )
    assert record.notes == (note,)
    assert note in caplog.messages
    assert json.loads((tmp_path / "out" / "training.json").read_text())["notes"] == [note]


def test_dataset_of_single_samples_is_batched(code: Path, tmp_path: Path) -> None:
    assert train(_plan(code, "single"), tmp_path / "out").notes == ()


def test_batch_of_a_plan_that_was_not_used_is_noted(code: Path, tmp_path: Path) -> None:
    assert train(_plan(code, "own_batches"), tmp_path / "out").notes == (
        "The dataset comes in batches of its own; the plan's batch of 8 was not used.",
    )


RETURNS = "(model, training data) or (model, training data, validation data), the model compiled"


@pytest.mark.parametrize(
    ("name", "got", "want", "fix"),
    [
        (
            "not_compiled",
            "the model 'plain' is not compiled",
            RETURNS,
            "call model.compile(optimizer=…, loss=…) before it is returned",
        ),
        (
            "raises",
            "KeyError: 'no data' ({file}:{line}: raise KeyError(\"no data\"))",
            RETURNS,
            "correct that line",
        ),
        (
            "needs_more",
            "it also needs path",
            "a function of any of batch, seed, epochs",
            "give those a default value",
        ),
        ("alone", "a Sequential", RETURNS, "return those two or three"),
        ("of_numbers", "builtins.int as the model", "a Keras 3 model", "return a keras.Model first"),
        (
            "no_data",
            "a int as data",
            "a tf.data.Dataset, a keras.utils.PyDataset, or arrays (x, y)",
            "return one of these",
        ),
        ("empty", "a dataset without samples", "at least one batch", "check where the data comes from"),
        (
            "uneven",
            "arrays that don't fit: Dimensions 24 and 3 are not compatible",
            "x and y of one length",
            "check them",
        ),
        ("WANTED", "a tuple", "a function", "name a function"),
    ],
)
def test_callable_that_does_not_fit_is_refused(code: Path, name: str, got: str, want: str, fix: str) -> None:
    line = CODE.splitlines().index('    raise KeyError("no data")') + 1
    got = got.format(file=code / "own_training.py", line=line)
    assert _fails(code, name) == (
        f"own_training:{name}: cannot be trained\n  got:  {got}\n  want: {want}\n  fix:  {fix}"
    )


def test_data_that_does_not_fit_the_model_is_refused(code: Path) -> None:
    assert "own_training:wrong_shape: training failed at step 1 of epoch 1\n" in _fails(code, "wrong_shape")
    assert "expected axis -1 of input shape to have value 4" in _fails(code, "wrong_shape")


def test_unknown_optimizer_lists_those_there_are(code: Path) -> None:
    assert _fails(code, "single", optimizer="adamm").startswith(
        "adamm: no such optimizer\n  got:  'adamm'\n  want: one of Keras' own: Adadelta, Adafactor, Adagrad, "
    )


@pytest.mark.parametrize(("field", "value"), [("epochs", 0), ("batch", -1)])
def test_number_that_makes_no_sense_is_refused(code: Path, field: str, value: int) -> None:
    assert _fails(code, "single", **{field: value}) == (
        "own_training:single: cannot be trained\n"
        f"  got:  {field} = {value}\n"
        "  want: at least 1\n"
        "  fix:  correct the number"
    )
