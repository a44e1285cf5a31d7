"""A localization in code, for the tests of the result and of the report."""

from __future__ import annotations

import math
from dataclasses import replace

from validation.localization import LayerError, Localization


def layer(name: str = "conv", **facts) -> LayerError:
    """A layer that is right to the last bits."""
    usual = LayerError(
        layers=(name,),
        tensor=f"model/{name}/Relu",
        file_tensor=f"model/{name}/Relu",
        ops=("Conv", "Relu"),
        inherited=1.2e-7,
        alone=9e-8,
        noise_ratio=0.7,
        low=0.0,
        high=4.25,
        dtype="float32",
        scale=None,
        zero_point=None,
        sqnr_db=140.9,
        guilty=False,
    )
    return replace(usual, **facts)


def localization(**facts) -> Localization:
    """The second of three layers is wrong."""
    wrong = layer("norm", inherited=3e-3, alone=3e-3, noise_ratio=2.1e4, sqnr_db=50.5, guilty=True)
    usual = Localization(
        guilty=("norm",),
        summary="norm creates the error: 2.1e+04 times its own noise",
        sample=3,
        limit=8.0,
        truth="float64 twin of the original's graph",
        layers=(layer(), wrong, layer("pool", inherited=2.5e-3, alone=0.0, sqnr_db=math.inf)),
        unmatched=("dropout",),
        notes=("a note",),
        reproducer="build/model/reproducer/onnx-float32-onnxruntime-cpu",
    )
    return replace(usual, **facts)
