"""The subprocess behind a worker: how it is started, spoken to, measured and ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_PACKAGES = Path(__file__).resolve().parent.parent
_MEGABYTE = 2**20

_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # sets of names are iterated in the same order in every process
    "KERAS_BACKEND": "tensorflow",  # whatever ~/.keras/keras.json says
    "TF_CPP_MIN_LOG_LEVEL": "1",  # warnings and errors into the log, without the banner
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several workers share a GPU
}


class WorkerProcess:
    """The subprocess, its two pipes and its temporary directory."""

    def __init__(self, log: Path) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix=f".scratch-{os.getpid()}-", dir=log.parent))
        requests_out, self._requests = os.pipe()
        self._replies, replies_in = os.pipe()
        ours = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            **_ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(filter(None, ours)),  # ours first: nothing shadows it
            "TMPDIR": str(self._scratch),
        }
        command = [sys.executable, "-P", "-m", "pipeline.worker_main"]
        command += [str(requests_out), str(replies_in), str(os.getpid())]
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=(requests_out, replies_in),
                start_new_session=True,  # Ctrl-C reaches the command only, which ends its worker
            )
        os.close(requests_out)
        os.close(replies_in)
        self._buffer = b""

    def send(self, message: object) -> None:
        data = json.dumps(message).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # it has died: `receive` says how
            while data:
                data = data[os.write(self._requests, data) :]

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message; None when none came in time; {} when the process has died."""
        while b"\n" not in self._buffer:
            if not select.select([self._replies], [], [], timeout_s)[0]:
                # A child that outlives the worker may hold the pipe open.
                return {} if self._popen.poll() is not None else None
            chunk = os.read(self._replies, 1 << 16)
            if not chunk:
                return {}
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def memory_mb(self) -> int:
        """Resident memory of the process and everything that it started."""
        import psutil

        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._popen.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total // _MEGABYTE

    def exit_code(self) -> int:
        """Waits for the end: negative is minus the signal's number."""
        try:
            return self._popen.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it closed its pipe and lives on: treated as dead
            self._popen.kill()
            return self._popen.wait()

    def end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Ends the process and its children at once, and frees what they held."""
        self.end_group()
        self._popen.wait()
        for descriptor in (self._requests, self._replies):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        shutil.rmtree(self._scratch, ignore_errors=True)
