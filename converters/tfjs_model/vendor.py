"""The `tensorflowjs` package without the packages that its other converters need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_UNUSED = {
    "jax": ("jax.experimental", "jax.experimental.jax2tf"),
    "flax": (),
    "tensorflow_decision_forests": (),
    "tensorflow_hub": (),
    "tf_keras": (),
}
"""Packages that tensorflowjs 4.22 imports at its top, for models that never come here.

JAX and Flax serve its JAX converter, Decision Forests and Hub their own formats. Installed, they
hold TensorFlow at 2.19 (docs/dependencies.md), and Decision Forests 1.12 doesn't even load beside the
protobuf that TensorFlow 2.19 wants. So empty modules stand in for them, installed or not.
"""


def graph_conversion() -> Any:
    """The module `tensorflowjs.converters.tf_saved_model_conversion_v2`."""
    with _stand_ins():
        from tensorflowjs.converters import tf_saved_model_conversion_v2
    return tf_saved_model_conversion_v2


def weight_files() -> tuple[Any, Any]:
    """The modules `tensorflowjs.write_weights` and `tensorflowjs.read_weights`."""
    with _stand_ins():
        from tensorflowjs import read_weights, write_weights
    return write_weights, read_weights


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Empty modules in place of unused packages, gone afterwards, so that nobody else meets them."""
    import keras  # noqa: F401  looks for JAX while it loads, and must not meet the stand-in
    import tensorflow  # noqa: F401  likewise

    added = []
    for package, inner in _UNUSED.items():
        if package in sys.modules:
            continue
        for name in (package, *inner):
            module = ModuleType(name, "stands in for an unused package")
            module.__path__ = []
            sys.modules[name] = module
            added.append(name)
            parent, _, last = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], last, module)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
