"""The GPUs that this machine has, each as one of the frameworks sees it, and why not.

Each function answers for one witness and is called in a worker of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from validation.runtime import Availability
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


def onnxruntime_gpu() -> Availability:
    """The execution providers of ONNX Runtime that use a GPU; listed by the package, not tried."""
    import onnxruntime

    name = "onnxruntime-gpu"
    everywhere = {"CPUExecutionProvider", "AzureExecutionProvider"}
    found = [provider for provider in onnxruntime.get_available_providers() if provider not in everywhere]
    if found:
        return Availability(name, "ok", f"onnxruntime {onnxruntime.__version__}: " + ", ".join(found))
    hint = "this build of onnxruntime has the CPU provider only: pip install onnxruntime-gpu for CUDA"
    return Availability(name, "unavailable", "", hint)
