"""The truth: what a model computes when nothing is rounded to float32.

    answers      the truth and the noise floor of each batch, with a twin or without
    twin         `build_twin`: the original's graph in float64, and the same with every rounding simulated
    ulp          what takes the twin's place where there is none
    translate    walks a traced graph and builds it again in float64
    remade       one op of it, in float64 or as it is
    kernels      which ops TensorFlow can run in float64
    composed     ops without such a kernel, written out: normalisation, pooling, LRN
    resize       likewise resizing, as products with small matrices
    colour       likewise hue and saturation
    rounding     which ops round, and by how much
    sums         which ops sum up, and how many terms
    live         translations that know what depends on the inputs
    quantized    the twin with 8-bit roundings
    half         the twin with half precision between its ops

The twin is built at the graph, not at the config: it needs no Keras and serves SavedModels too.
"""

from __future__ import annotations

from validation.truth.twin import NoTwinError, Twin, build_twin

__all__ = ["NoTwinError", "Twin", "build_twin"]
