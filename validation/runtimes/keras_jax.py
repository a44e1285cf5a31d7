"""The original itself on a second engine: Keras on its JAX backend, on the CPU or on CUDA.

It tells what the exports can't: how far a GPU moves the original, and whether TensorFlow alone gives the
answers that everything is held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.target import ORIGINAL
from validation.original_artifact import read_original
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, place
from validation.runtimes.cuda import TF32_FIX, TF32_FROM, first_card, has_nvidia
from validation.runtimes.elsewhere import ElsewhereSession, Facts, NotHereError, program
from validation.runtimes.environments import Environment, find_python, how_to_make
from validation.runtimes.machine import instruction_set

JAX = Environment("jax", "jax keras", ("jax", "keras"))
JAX_CUDA = Environment("cuda", "'jax[cuda13]' keras", ("jax", "keras", "jax-cuda13-plugin|jax-cuda12-plugin"))

_PRECISIONS: Mapping[Arithmetic, str] = {"float32": "float32", "tf32": "tensorfloat32"}
"""As `jax_default_matmul_precision` calls them."""

_GPU, _CPU = frozenset({"cuda", "gpu"}), frozenset({"cpu"})
"""As JAX calls the platform of an array's device; "gpu" is what it says for CUDA up to 0.12 at least."""


@dataclass(frozen=True, slots=True)
class KerasOnJax:
    """Keras models on JAX.

    Attributes:
        on_gpu: on the first NVIDIA GPU; else on the CPU. JAX is told to take nothing else.
    """

    name: str
    on_gpu: bool
    arithmetic: Arithmetic = "float32"
    formats: frozenset[str] = frozenset({ORIGINAL})

    @property
    def groups(self) -> frozenset[str]:
        """The second engine on the CPU is used where it is installed, and asked for where not."""
        if self.on_gpu:
            return frozenset({"gpu"})
        return frozenset({"cpu"} if find_python(self._environment) else ())

    @property
    def _environment(self) -> Environment:
        return JAX_CUDA if self.on_gpu else JAX

    def missing(self) -> str | None:
        if self.on_gpu and not has_nvidia():
            return "no NVIDIA GPU here: neither /dev/nvidia* nor /dev/dxg exists"
        return None if find_python(self._environment) else how_to_make(self._environment)

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[ElsewhereSession]:
        python = find_python(self._environment)
        if python is None:
            raise engine_fault(artifact, self.name, "starting it", how_to_make(self._environment))
        settings = {**_opening(artifact, self.name), "precision": _PRECISIONS[self.arithmetic]}
        with program(python, "validation.runtimes.keras_program", self.name, self._variables()) as process:
            yield ElsewhereSession(artifact, self, process, settings)

    def _variables(self) -> Mapping[str, str]:
        # Without the first JAX computes on the CPU where CUDA fails; by default it takes 3/4 of the memory.
        named = {"JAX_PLATFORMS": "cuda" if self.on_gpu else "cpu", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        if self.on_gpu and self.arithmetic == "float32":
            named["NVIDIA_TF32_OVERRIDE"] = "0"
        return named

    def describe(self, facts: Facts) -> str:
        parts = [f"Keras {facts['keras']} on JAX {facts['jax']}", *facts.get("devices", ())]
        parts.append(f"products in {facts['precision']}" if self.on_gpu else instruction_set())
        return ", ".join(parts)

    def find_unproven(self, facts: Facts) -> str:
        wanted = _GPU if self.on_gpu else _CPU
        if not facts["platforms"]:
            return "JAX did not say where it computed"
        if not wanted.issuperset(facts["platforms"]):
            return f"JAX computed on {' and '.join(facts['platforms'])}, not on {' or '.join(sorted(wanted))}"
        card = first_card() if self.arithmetic == "tf32" else None
        if card is not None and card.capability < TF32_FROM:
            raise NotHereError(f"{card.name}, which has no TF32", TF32_FIX)
        want = _PRECISIONS[self.arithmetic]
        return (
            "" if facts["precision"] == want else f"JAX took the precision {facts['precision']}, not {want}"
        )


def _opening(artifact: Artifact, runtime: str) -> dict[str, Any]:
    """What the program has to know about the original.

    Raises:
        EdgeproofError: Keras 3 doesn't open it; what TensorFlow traced, no other backend can run.
    """
    source = read_original(artifact)
    if source.loader == "keras":
        return {
            "file": str(source.path.resolve()),
            "inputs": list(source.signature.input_names),
            "outputs": list(source.signature.output_names),
            "custom_objects": list(source.options.custom_objects),
            "code_directories": [str(folder) for folder in source.options.code_directories],
            "trust": source.options.trust,
        }
    raise EdgeproofError(
        f"{place(artifact, runtime)}: JAX can't open this original",
        got=f"a {source.kind} that {source.loader} opens",
        want="a model that Keras 3 opens",
        fix="the exports are judged all the same",
        status=ExitStatus.UNAVAILABLE,
    )


ROWS = (
    KerasOnJax("keras-jax-cpu", on_gpu=False),
    KerasOnJax("keras-gpu", on_gpu=True),
    KerasOnJax("keras-gpu-tf32", on_gpu=True, arithmetic="tf32"),
)
