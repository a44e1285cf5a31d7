"""Stored weights beside the original's: what rounding explains, and what it doesn't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from validation.weights.fit import fit
from validation.weights.kernel import Kernel
from validation.weights.stored import Stored
from validation.weights.wrong import LIMIT, WrongWeight

RANDOM = np.random.default_rng(0)
ORIGINAL = RANDOM.normal(size=(3, 3, 4, 6)).astype(np.float32)
GAMMA = np.array([1.5, 0.2, 0.0, -1.0, 3.0, 0.7])
"""What a batch normalisation multiplies each channel by; one is switched off."""

Quantizer = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def kernel(
    directory: Path, values: np.ndarray = ORIGINAL, channels: tuple[int, ...] = (3,), name: str = "conv"
) -> Kernel:
    paths = directory / f"{name}.npy", directory / f"{name}-factors.npy"
    np.save(paths[0], values)
    columns = int(np.prod([values.shape[axis] for axis in channels]))
    ways = [np.ones(columns), GAMMA] if columns == len(GAMMA) else [np.ones(columns)]
    np.save(paths[1], ways)
    return Kernel(name, values.shape, channels, *paths)


def per_channel(values: np.ndarray, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(real values, scales) with a scale for each channel, `scale` times that of min-max rounding."""
    greatest = np.abs(values).max(axis=(0, 1, 2), keepdims=True)
    scales = np.where(greatest > 0, greatest, 1) * scale / 127
    return np.clip(np.round(values / scales), -127, 127) * scales, scales


def per_tensor(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.full((1, 1, 1, 1), np.abs(values).max() / 127)
    return np.round(values / scale) * scale, scale


def rounded_the_wrong_way(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As no quantizer does to all of them: those that learn how to round do it to some."""
    near, scales = per_channel(values)
    other = near + np.sign(values - near) * scales
    return other, scales


def clipped_for_less_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scale with the least mean square error, as OCTAV and MSE quantizers look for it."""
    tried = [per_channel(values, scale) for scale in np.linspace(0.5, 1, 26)]
    return min(tried, key=lambda found: float(np.mean((found[0] - values) ** 2)))


def power_of_two(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, scales = per_channel(values)
    scales = 2.0 ** np.ceil(np.log2(scales))
    return np.round(values / scales) * scales, scales


def ratios(directory: Path, values: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    found = fit(Stored("conv", values, scales, symmetric=True), [kernel(directory)])
    assert found is not None
    return found.ratios


@pytest.mark.parametrize("factor", [np.ones(6), GAMMA], ids=["as-it-is", "normalisation-folded"])
@pytest.mark.parametrize(
    "quantize", [per_channel, per_tensor, rounded_the_wrong_way, clipped_for_less_error, power_of_two]
)
def test_any_quantizer_keeps_the_limit(tmp_path: Path, quantize: Quantizer, factor: np.ndarray):
    values, scales = quantize(ORIGINAL * factor)
    found = ratios(tmp_path, values, scales)
    assert found.max() < LIMIT
    assert found.max() > 0.9


def zeroed(values: np.ndarray) -> None:
    values[..., 4] = 0


def swapped(values: np.ndarray) -> None:
    values[..., [4, 5]] = values[..., [5, 4]]


def clipped(values: np.ndarray) -> None:
    np.clip(values, -0.8 * np.abs(values).max(), 0.8 * np.abs(values).max(), out=values)


def scaled(values: np.ndarray) -> None:
    values[..., 4] *= 1.2


@pytest.mark.parametrize("quantize", [per_channel, per_tensor])
@pytest.mark.parametrize(
    ("fault", "wrong"), [(zeroed, {4}), (swapped, {4, 5}), (clipped, {4}), (scaled, {4})]
)
def test_a_wrong_channel_is_told(
    tmp_path: Path, quantize: Quantizer, fault: Callable[[np.ndarray], None], wrong: set[int]
):
    values, scales = quantize(ORIGINAL * GAMMA)
    fault(values)
    found = ratios(tmp_path, values, scales)
    assert {*np.flatnonzero(found > LIMIT).tolist()} == wrong


def test_a_channel_that_is_not_switched_off_is_told(tmp_path: Path):
    values, scales = per_channel(ORIGINAL * GAMMA)
    values[..., 2] = ORIGINAL[..., 2]
    found = ratios(tmp_path, values, scales)
    assert np.flatnonzero(found > LIMIT).tolist() == [2]


def test_steps_that_are_coarser_than_they_must_be_are_left_to_the_answers(tmp_path: Path):
    scales = per_channel(ORIGINAL)[1].copy()
    scales[..., 1] *= 16
    values = np.round(ORIGINAL / scales) * scales
    assert ratios(tmp_path, values, scales).max() < LIMIT


@pytest.mark.parametrize("factor", [0.9, 1.1, 16.0])
def test_a_scale_that_is_read_wrong_is_told(tmp_path: Path, factor: float):
    values, scales = per_channel(ORIGINAL)
    values[..., 1] *= factor
    scales[..., 1] *= factor
    assert np.flatnonzero(ratios(tmp_path, values, scales) > LIMIT).tolist() == [1]


def test_float_weights_of_an_8_bit_file_are_held_to_8_bits(tmp_path: Path):
    values = ORIGINAL.copy()
    found = ratios(tmp_path, values, None)
    assert found.max() == 0
    zeroed(values)
    found = ratios(tmp_path, values, None)
    assert np.flatnonzero(found > LIMIT).tolist() == [4]


@pytest.mark.parametrize(("size", "wrong"), [(1e-9, []), (1e-3, [1])])
def test_a_channel_that_is_nothing_beside_the_others_may_be_lost(
    tmp_path: Path, size: float, wrong: list[int]
):
    faint = ORIGINAL.copy()
    faint[..., 1] *= size
    values, scales = per_channel(faint)
    values[..., 1] = 0
    found = fit(Stored("conv", values, scales, symmetric=True), [kernel(tmp_path, faint)])
    assert found is not None
    assert np.flatnonzero(found.ratios > LIMIT).tolist() == wrong


def test_a_weight_that_is_like_none_is_not_accused(tmp_path: Path):
    other = np.random.default_rng(1).normal(size=ORIGINAL.shape)
    values, scales = per_channel(other)
    assert fit(Stored("other", values, scales, symmetric=True), [kernel(tmp_path)]) is None


def test_a_weight_that_shares_fewer_than_half_of_its_channels_is_another(tmp_path: Path):
    values, scales = per_channel(ORIGINAL)
    values[..., 2:] = values[..., [4, 5, 3, 2]][:, ::-1]
    assert fit(Stored("other", values, scales, symmetric=True), [kernel(tmp_path)]) is None


def test_nearly_nothing_is_like_no_weight(tmp_path: Path):
    sparse = np.where(np.abs(ORIGINAL) > 2, ORIGINAL, 0).astype(np.float32)
    empty = np.zeros_like(sparse)
    assert fit(Stored("other", empty, np.ones((1, 1, 1, 1))), [kernel(tmp_path, sparse)]) is None


def test_of_several_weights_the_likest_is_taken(tmp_path: Path):
    other = ORIGINAL.copy()
    other[..., :2] = 0
    kernels = [kernel(tmp_path, other, name="other"), kernel(tmp_path)]
    values, scales = per_channel(ORIGINAL)
    found = fit(Stored("conv", values, scales, symmetric=True), kernels)
    assert found is not None
    assert found.kernel.layer == "conv"


LAYOUTS = {
    "channels-last": (ORIGINAL, (3,), ORIGINAL),
    "channels-first": (ORIGINAL, (3,), ORIGINAL.transpose(3, 0, 1, 2)),
    "depthwise": (ORIGINAL, (2, 3), ORIGINAL.reshape(1, 3, 3, 24)),
    "transposed-convolution": (ORIGINAL, (2,), ORIGINAL),
    "transposed-convolution-channels-first": (ORIGINAL, (2,), ORIGINAL.transpose(2, 0, 1, 3)),
    "dense": (ORIGINAL.reshape(36, 6), (1,), ORIGINAL.reshape(36, 6).T),
    "square": (ORIGINAL.reshape(-1)[:64].reshape(8, 8), (1,), ORIGINAL.reshape(-1)[:64].reshape(8, 8).T),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_of_files_is_known(tmp_path: Path, name: str):
    original, channels, stored = LAYOUTS[name]
    found = fit(Stored(name, stored.copy(), None), [kernel(tmp_path, original, channels)])
    assert found is not None
    assert len(found.ratios) == np.prod([original.shape[axis] for axis in channels])
    assert found.ratios.max() == 0


def test_a_group_of_a_convolution_is_found_in_a_file_that_keeps_groups_apart(tmp_path: Path):
    both = replace(kernel(tmp_path), groups=2)
    values, scales = per_channel(ORIGINAL[..., 3:] * GAMMA[3:])
    values[..., 2] = 0
    parts = [part for part in both.parts() if part.size == values.size]
    found = fit(Stored("second", values, scales, symmetric=True), parts)
    assert found is not None
    assert (found.kernel.group, found.kernel.first, found.kernel.columns, found.kernel.size) == (1, 3, 3, 108)
    assert np.flatnonzero(found.ratios > LIMIT).tolist() == [2]


def test_a_wrong_weight_says_what_is_wrong():
    assert WrongWeight("stem", 3, 8, 1, 97.24).fault == (
        "channel 3 of 8 is 97.2 times as far off as rounding to 8 bits explains, limit 3"
    )
    assert WrongWeight("stem", 3, 8, 2, 97.24).fault == (
        "channel 3 of 8 is 97.2 times as far off as rounding to 8 bits explains, limit 3; "
        "2 channels exceed it"
    )
