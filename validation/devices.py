"""The GPUs that this machine has, each as one of the frameworks sees it, and why not.

Each function answers for one witness and is called in a worker of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from validation.runtime import Availability
from validation.runtimes import vulkan as vulkan_loader
from validation.runtimes.browser.device import is_software
from validation.runtimes.cuda import has_nvidia

_TIMEOUT_S = 20


def nvidia_smi() -> Availability:
    """What NVIDIA's driver tells."""
    name = "nvidia-smi"
    program = shutil.which(name)
    if program is None:
        return Availability(name, "unavailable", "", "no NVIDIA driver here: nvidia-smi is not on the PATH")
    command = [program, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Availability(
            name, "error", "", f"nvidia-smi gave no answer in {_TIMEOUT_S} s: restart the driver"
        )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        return Availability(name, "error", "", said[0] if said else f"exit status {done.returncode}")
    return Availability(name, "ok", "; ".join(done.stdout.strip().splitlines()))


def tensorflow_gpu() -> Availability:
    """The GPUs that TensorFlow can use; it is not imported, which takes seconds, where there can be none."""
    name = "tensorflow-gpu"
    if sys.platform == "linux" and not has_nvidia() and not Path("/dev/kfd").exists():
        hint = "no GPU for TensorFlow here: neither /dev/nvidia*, /dev/dxg nor /dev/kfd exists"
        return Availability(name, "unavailable", "", hint)

    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if found:
        details = [tf.config.experimental.get_device_details(device) for device in found]
        names = [str(row.get("device_name", device.name)) for row, device in zip(details, found, strict=True)]
        return Availability(name, "ok", "; ".join(names))
    if not tf.test.is_built_with_cuda():
        return Availability(name, "unavailable", "", f"TensorFlow {tf.__version__} was built without CUDA")
    hint = "TensorFlow finds no GPU: it needs an NVIDIA driver, and pip install 'tensorflow[and-cuda]'"
    return Availability(name, "unavailable", "", hint)


def vulkan() -> Availability:
    """The devices of Vulkan's loader, on which WebGPU runs outside of browsers."""
    name = "vulkan"
    os.environ.update(vulkan_loader.variables())
    found = vulkan_loader.adapters()
    if found:
        marked = [f"{adapter}, software GPU" if is_software(adapter) else adapter for adapter in found]
        return Availability(name, "ok", "; ".join(marked))
    hint = vulkan_loader.missing_driver() or "Vulkan's loader finds no device: apt-get install libvulkan1"
    return Availability(name, "unavailable", "", hint)
