"""The NVIDIA GPU that CUDA gives to a process, asked through `ctypes`: CUDA_VISIBLE_DEVICES holds for it.

Source of names and numbers: the CUDA driver API, `cuda.h`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

TF32_FROM = (8, 0)
"""The compute capability from which on GPUs have TF32: Ampere. Source: CUDA C++ programming guide."""

TF32_FIX = "take a GPU from Ampere on; the row without -tf32 judges float32 on this one"

_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
_NAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU.

    Attributes:
        name: "NVIDIA H100 80GB HBM3".
        capability: major and minor compute capability.
        driver: greatest CUDA version that the driver has, such as "13.0".
    """

    name: str
    capability: tuple[int, int]
    driver: str


def has_nvidia() -> bool:
    """Whether this machine shows an NVIDIA GPU; in a container, any one of a machine's. Loads nothing."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def first_card() -> Card | None:
    """The GPU with the number 0 of this process; None without a driver or a GPU."""
    cuda = _load()
    if cuda is None or cuda.cuInit(0) != 0:
        return None
    device, version = ctypes.c_int(), ctypes.c_int()
    if cuda.cuDeviceGet(ctypes.byref(device), 0) != 0:
        return None
    name = ctypes.create_string_buffer(_NAME_BYTES)
    cuda.cuDeviceGetName(name, _NAME_BYTES, device)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    return Card(
        name.value.decode(errors="replace"),
        (_attribute(cuda, _MAJOR, device), _attribute(cuda, _MINOR, device)),
        f"{version.value // 1000}.{version.value % 1000 // 10}",
    )


def _load() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _attribute(cuda: ctypes.CDLL, number: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device)
    return value.value
