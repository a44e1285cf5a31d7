"""The GPUs that Vulkan's loader offers, asked through `ctypes`: what WebGPU outside of browsers takes.

Source of layouts and numbers: the Vulkan specification, `vulkan_core.h`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from validation.runtimes.browser.chromium import has_gpu

_SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
"""Debian's Chromium brings a software Vulkan along."""

_CHOSEN = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")
"""By which a user chooses a driver. Source: the Vulkan loader's documentation."""

_LIBRARY = "libvulkan.so.1"
_INSTANCE_CREATE_INFO = 1  # VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
_PROPERTIES_BYTES = 1024  # of VkPhysicalDeviceProperties, 824
_NAME_AT, _NAME_BYTES = 20, 256  # after five 32-bit numbers


def missing_driver() -> str | None:
    """What to install for a Vulkan device, or None where there should be one. Loads nothing."""
    if has_gpu() or _SWIFTSHADER.exists() or any(name in os.environ for name in _CHOSEN):
        return None
    return (
        "run `make browsers` or `apt-get install chromium libvulkan1`, whose SwiftShader stands in for a GPU"
    )


def variables() -> Mapping[str, str]:
    """What to set so that an engine takes the GPU and no software one beside it, or SwiftShader without."""
    if any(name in os.environ for name in _CHOSEN):
        return {}
    if has_gpu():
        return {"VK_LOADER_DRIVERS_DISABLE": "*lvp*,*swiftshader*"}
    return {"VK_ICD_FILENAMES": str(_SWIFTSHADER)} if _SWIFTSHADER.exists() else {}


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = (
        ("sType", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("pApplicationInfo", ctypes.c_void_p),
        ("enabledLayerCount", ctypes.c_uint32),
        ("ppEnabledLayerNames", ctypes.c_void_p),
        ("enabledExtensionCount", ctypes.c_uint32),
        ("ppEnabledExtensionNames", ctypes.c_void_p),
    )


def adapters() -> list[str]:
    """The name of every device, in the loader's order; empty without a loader or a driver."""
    try:
        vulkan = ctypes.CDLL(_LIBRARY)
    except OSError:
        return []
    with _instance(vulkan) as instance:
        return [] if instance is None else [_name(vulkan, device) for device in _devices(vulkan, instance)]


@contextmanager
def _instance(vulkan: ctypes.CDLL) -> Iterator[ctypes.c_void_p | None]:
    instance = ctypes.c_void_p()
    wanted = _InstanceCreateInfo(sType=_INSTANCE_CREATE_INFO)
    if vulkan.vkCreateInstance(ctypes.byref(wanted), None, ctypes.byref(instance)) != 0:
        yield None
        return
    try:
        yield instance
    finally:
        vulkan.vkDestroyInstance(instance, None)


def _devices(vulkan: ctypes.CDLL, instance: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint32()
    vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    handles = (ctypes.c_void_p * count.value)()
    vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    return [ctypes.c_void_p(handle) for handle in handles[: count.value]]


def _name(vulkan: ctypes.CDLL, device: ctypes.c_void_p) -> str:
    properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
    vulkan.vkGetPhysicalDeviceProperties(device, properties)
    return properties.raw[_NAME_AT : _NAME_AT + _NAME_BYTES].split(b"\0")[0].decode(errors="replace")
