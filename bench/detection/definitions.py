"""What docs/detection.md says about its figures: how they come about, and what counts."""

DEFINITIONS = """
An export's file is parsed, one fault is put into it at a seeded place, and it is written again. Each
mutant is judged as any file is, on one plain runtime: LiteRT, ONNX Runtime, TF.js on wasm.

- *Detected*: the verdict is not a pass.
- *Changes nothing*: it passed, and was proven silent. The mutant and the correct export were run in the same
  runtime on many more inputs of the domain than the judge had tried, drawn from other seeds and up to the
  domain's bounds. Their answers are bit-equal, or differ nowhere by more than the noise floor, which is the
  original's own error at that element; of an 8-bit export, by less than quantization itself is off.
- *Missed*: it passed, and such an input shows a difference. An 8-bit export is held to a budget of several
  times its simulated roundings, so that a fault may stay within it and change more than quantization does.
- *Found by*: the inputs that broke a limit first; `weights` of an 8-bit file are held against the original's
  without any.
- *Layer named*: of the mutants that fail with numbers, whether the first layer that localization names is
  one of those that share the faulty op. A file that can't be run at all, and swapped inputs or outputs, have
  no such layer.
- The others' checks see one random sample, the judge's first, with fixed tolerances: Polygraphy's default
  (`atol = rtol = 1e-5`), that of Keras' own export tests (`1e-4`), and that of onnx2tf (`max abs 5e-2` and
  `cosine 0.999`). A file that can't be run is found by all of them.
""".strip()

CORRECT = """
Each is built and exported anew for each seed, with the weights and inputs of that seed, and judged as any
export is; whatever is found is a false alarm. Of each family of `keras.applications` it is the smallest
member on the smallest pictures that it takes, with 10 logits, kernels drawn as by He, and BatchNorm's
statistics measured, so that the logits move; it is judged on 8 pictures beside the inputs that the judge
chooses. Errors of float32 exports are in [noise floors](tolerance.md) of the element. Inference time is the
judge's, but for its measurement of latency, over that of running the same inputs once.
""".strip()
