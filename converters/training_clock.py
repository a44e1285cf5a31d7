"""Where a training stands: told as it goes, and said where it stops."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from converters.errors import EdgeproofError
from converters.progress import advance

if TYPE_CHECKING:
    from converters.training import TrainingPlan

PROGRESS_INTERVAL_S = 0.5
"""How often progress is told inside a long epoch."""


def clock_of(plan: TrainingPlan) -> Any:
    """A callback that knows the step, tells progress, and stops at a loss that is no number."""
    import keras

    class Clock(keras.callbacks.Callback):
        epoch = 0
        step = 0
        told = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch + 1

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.step = batch + 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            loss = float((logs or {}).get("loss", 0.0))
            if not math.isfinite(loss):
                raise diverged(plan, self, f"{'NaN' if math.isnan(loss) else 'Inf'} in the loss")
            if time.monotonic() - self.told > PROGRESS_INTERVAL_S:
                self.tell(self.epoch - 1, f"step {self.step}, loss {loss:.4g}")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.tell(epoch + 1, f"loss {float((logs or {}).get('loss', math.nan)):.4g}")

        def tell(self, done: int, detail: str) -> None:
            self.told = time.monotonic()
            advance("train", done, plan.epochs, detail)

    return Clock()


def diverged(plan: TrainingPlan, clock: Any, got: str) -> EdgeproofError:
    """The error of a training whose numbers are no longer finite."""
    return EdgeproofError(
        f"{plan.callable}: training stopped at step {clock.step} of epoch {clock.epoch}",
        got=got,
        want="finite numbers",
        fix="look at that batch and layer; a smaller learning rate or clipped gradients often help",
    )
