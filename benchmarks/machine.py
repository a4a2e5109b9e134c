"""The machine that a figure was taken on, and a command as a process of its own."""

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


def described() -> str:
    """Processor, cores, memory, Python: one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


@dataclass(frozen=True)
class Cost:
    """Of a whole process: wall-clock seconds, processor seconds, peak resident memory in GiB."""

    wall: float
    cpu: float
    peak: float


def cost(*command: str) -> Cost:
    """Run a command and measure it from outside; its output goes to standard error."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(
        time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
    )
