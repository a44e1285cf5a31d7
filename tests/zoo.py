"""The zoo: tiny Keras models as data, each with what it takes to try it.

    ZOO[id]            a Case
      .build()         a keras.Model whose outputs move with its inputs, the same every time
      .feeds(…)        inputs that make sense for it
      .refused         targets that must be refused before conversion, and by which layer and op

Whoever adds a model adds a builder to `zoo_layers.py` or `zoo_shapes.py`; the battery finds it.
Importing this module doesn't load Keras.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests import zoo_layers, zoo_shapes
from tests.zoo_case import CASES, Case

__all__ = ["ZOO", "Case", "zoo_layers", "zoo_shapes"]

ZOO: Mapping[str, Case] = {entry.id: entry for entry in CASES}
"""Every case by its id."""
