"""Keras on JAX, the original's second engine: what proves where it ran, and in which precision."""

from __future__ import annotations

import pytest

from validation.runtimes import keras_jax, probe, runtime
from validation.runtimes.cuda import TF32_FIX, Card
from validation.runtimes.elsewhere import NotHereError
from validation.runtimes.environments import find_python

JAX = runtime("keras-jax-cpu")
KERAS_GPU = runtime("keras-gpu")
KERAS_TF32 = runtime("keras-gpu-tf32")


@pytest.mark.parametrize(
    ("row", "platforms", "why"),
    [
        (KERAS_GPU, ["gpu"], ""),
        (KERAS_GPU, ["cuda"], ""),
        (KERAS_GPU, ["cpu"], "JAX computed on cpu, not on cuda or gpu"),
        (KERAS_GPU, ["cpu", "gpu"], "JAX computed on cpu and gpu, not on cuda or gpu"),
        (KERAS_GPU, [], "JAX did not say where it computed"),
        (JAX, ["cpu"], ""),
        (JAX, ["gpu"], "JAX computed on gpu, not on cpu"),
    ],
)
def test_answers_that_lie_elsewhere_prove_nothing(
    row: keras_jax.KerasOnJax, platforms: list[str], why: str
) -> None:
    told = {"platforms": platforms, "devices": ["some device"], "precision": "float32"}
    assert row.find_unproven(told) == why


def test_the_precision_that_jax_took_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_jax, "first_card", lambda: Card("NVIDIA H100", (9, 0), "13.0"))
    told = {"platforms": ["gpu"], "devices": ["NVIDIA H100"], "precision": "tensorfloat32"}
    assert KERAS_GPU.find_unproven(told) == "JAX took the precision tensorfloat32, not float32"
    assert KERAS_TF32.find_unproven(told) == ""
    assert KERAS_TF32.describe({"keras": "3.15.1", "jax": "0.10.2", **told}) == (
        "Keras 3.15.1 on JAX 0.10.2, NVIDIA H100, products in tensorfloat32"
    )
    monkeypatch.setattr(keras_jax, "first_card", lambda: Card("Tesla T4", (7, 5), "12.4"))
    with pytest.raises(NotHereError) as caught:
        KERAS_TF32.find_unproven(told)
    assert (caught.value.got, caught.value.fix) == ("Tesla T4, which has no TF32", TF32_FIX)


@pytest.mark.skipif(find_python(keras_jax.JAX) is None, reason="run `make runtime-jax`")
class TestJax:
    def test_it_opens_the_original_here(self) -> None:
        found = probe("keras-jax-cpu")
        assert (found.status, found.hint) == ("ok", "")
        assert " on JAX " in found.device
        assert ", cpu, " in found.device

    def test_without_cuda_the_row_for_the_gpu_is_no_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keras_jax, "JAX_CUDA", keras_jax.JAX)
        monkeypatch.setattr(keras_jax, "has_nvidia", lambda: True)
        found = probe("keras-gpu")
        assert found.status == "error"
        assert "finds no cuda device" in found.hint
