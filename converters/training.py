"""Trains a model from a callable of the user's, and leaves a record of it.

What the callable is given and gives back: `training_data`.
"""

from __future__ import annotations

import datetime
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.errors import EdgeproofError
from converters.exceptions import summary
from converters.serial import dumps

MODEL_NAME = "model.keras"
RECORD_NAME = "training.json"

_log = logging.getLogger("edgeproof.training")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a model is to be trained.

    Attributes:
        callable: `module:name`, see `training_data`.
        code_directories: where that module may come from.
        epochs: passes over the data, ≥ 1.
        batch: samples in a batch, ≥ 1, where the callable asks for it or returns arrays.
        optimizer: a Keras optimizer's name, in place of the one that the model was compiled with.
        seed: of Python's, NumPy's and TensorFlow's random numbers.
    """

    callable: str
    code_directories: tuple[Path, ...] = ()
    epochs: int = 1
    batch: int = 32
    optimizer: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What came of a training; every run leaves one.

    Attributes:
        experiment_id: unique, 32 hex digits.
        model_type: the model's class.
        final_loss: mean loss over the last epoch.
        metrics: all that Keras measured in the last epoch, validation as `val_…`.
        optimizer: class name of the optimizer that was used.
        model: the `.keras` file.
        started_at: ISO 8601, UTC.
        seconds: from the first batch to the last.
        notes: what was unusual, one sentence each.
    """

    experiment_id: str
    model_type: str
    final_loss: float
    metrics: Mapping[str, float]
    epochs: int
    batch: int
    optimizer: str
    seed: int
    model: Path
    started_at: str
    seconds: float
    notes: tuple[str, ...] = field(default=())


def train(plan: TrainingPlan, out: Path) -> TrainingRecord:
    """Trains and writes `model.keras` and `training.json` into `out`.

    Raises:
        EdgeproofError: the callable is unfit, or a NaN or Inf came up; then nothing is written.
    """
    from converters.sources.keras_file import import_keras
    from converters.training_data import prepare
    from converters.training_retrace import retracing_noted

    _check(plan)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    _make_repeatable(import_keras(), plan.seed)
    with retracing_noted() as retraced:
        settings = {"batch": plan.batch, "seed": plan.seed, "epochs": plan.epochs}
        task = prepare(plan.callable, plan.code_directories, settings)
        if plan.optimizer is not None:
            _recompile(task.model, plan.optimizer)
        begin = time.monotonic()
        metrics = _fit(task, plan)
        seconds = time.monotonic() - begin
    notes = (*task.notes, *retraced)
    for note in notes:
        _log.warning(note)
    record = TrainingRecord(
        experiment_id=uuid.uuid4().hex,
        model_type=type(task.model).__name__,
        final_loss=metrics["loss"],
        metrics=metrics,
        epochs=plan.epochs,
        batch=plan.batch,
        optimizer=type(task.model.optimizer).__name__,
        seed=plan.seed,
        model=out / MODEL_NAME,
        started_at=started,
        seconds=round(seconds, 3),
        notes=notes,
    )
    out.mkdir(parents=True, exist_ok=True)
    _write_whole(record.model, lambda path: _save(task.model, path, plan))
    _write_whole(out / RECORD_NAME, lambda path: path.write_text(dumps(record), encoding="utf-8"))
    return record


def _check(plan: TrainingPlan) -> None:
    wrong = {name: getattr(plan, name) for name in ("epochs", "batch") if getattr(plan, name) < 1}
    if wrong:
        raise EdgeproofError(
            f"{plan.callable}: cannot be trained",
            got=", ".join(f"{name} = {value}" for name, value in wrong.items()),
            want="at least 1",
            fix="correct the number",
        )


def _make_repeatable(keras: Any, seed: int) -> None:
    """The same numbers in every run, on the same machine and versions."""
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def _recompile(model: Any, optimizer: str) -> None:
    """Compiles again with another optimizer, the same loss, metrics and other settings."""
    import keras

    try:
        chosen = keras.optimizers.get(optimizer)
    except ValueError as error:
        known = sorted(
            n for n, v in vars(keras.optimizers).items() if isinstance(v, type) and n != "Optimizer"
        )
        raise EdgeproofError(
            f"{optimizer}: no such optimizer",
            got=repr(optimizer),
            want="one of Keras' own: " + ", ".join(known),
            fix="correct the name, or compile the model with your own in the callable",
        ) from error
    # get_compile_config() would serialize the loss, which a function of the user's does not survive.
    model.compile(**{**model._compile_config.config, "optimizer": chosen})


def _fit(task: Any, plan: TrainingPlan) -> dict[str, float]:
    import tensorflow as tf

    from converters.training_clock import clock_of, diverged
    from converters.training_watch import find_fault, watching

    task.model.jit_compile = False  # XLA drops the checks
    clock = clock_of(plan)
    try:
        with watching(task.model):
            history = task.model.fit(
                task.data,
                validation_data=task.validation,
                epochs=plan.epochs,
                callbacks=[clock],
                verbose=0,
                shuffle=not isinstance(task.data, tf.data.Dataset),
            )
    except tf.errors.InvalidArgumentError as error:
        fault = find_fault(error)
        if fault is None:
            raise _failed(plan, clock, error) from error
        raise diverged(plan, clock, f"{fault[1]} in {fault[0]}") from error
    except EdgeproofError:
        raise
    except Exception as error:
        raise _failed(plan, clock, error) from error
    if not history.history.get("loss"):
        raise _failed(plan, clock, ValueError("the data gave no batch"))
    return {name: float(values[-1]) for name, values in history.history.items()}


def _failed(plan: TrainingPlan, clock: Any, error: Exception) -> EdgeproofError:
    from converters.user_code import blame_line

    return EdgeproofError(
        f"{plan.callable}: training failed at step {clock.step} of epoch {clock.epoch}",
        got=blame_line(error, plan.code_directories),
        want="data that fits the model's inputs, outputs and loss",
        fix="train it in Python once to see the whole traceback",
    )


def _save(model: Any, path: Path, plan: TrainingPlan) -> None:
    try:
        model.save(path)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise EdgeproofError(
            f"{plan.callable}: the trained model cannot be saved",
            got=summary(error),
            want="layers whose get_config() tells all that their constructors need",
            fix="add get_config() to your own layers and models",
        ) from error


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """The file appears with all that is in it, or not at all."""
    unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
