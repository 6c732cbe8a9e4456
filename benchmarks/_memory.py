"""What Linux remembers of a process's most memory."""

from pathlib import Path


def high_water(pid: int) -> int:
    """Bytes resident at the peak since the start or the last `forget`; 0 when the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def forget_high_water(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): reset the peak to what is resident now
