"""Who is doing an input of a batch, and whether that process is still alive."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

__all__ = ["BEAT_S", "LEASE_S", "Owner", "has_ended", "open_here", "this_process"]

LEASE_S = 60.0
"""An owner that this machine cannot look at counts as alive until it was silent for so long.

Long enough for clocks that differ by some seconds and for a host that swaps; what is taken from an owner that was only
slow is fenced, so the cost of a false alarm is one input done twice, never a wrong record.
"""
BEAT_S = 5.0
"""How often an owner says that it is there: a lease has room for eleven lost beats, and a beat costs one commit."""

_ZOMBIE_OR_DEAD = "ZXx"


class Owner(msgspec.Struct, frozen=True):
    """One open journal of one process."""

    token: str
    """Its own, whatever else is equal."""
    host: str
    boot: str
    """Of the host's current uptime; empty where the system does not say: then only the lease counts."""
    namespace: str
    """In which the process id is valid: a container has one of its own."""
    pid: int
    started: int
    """The process's start in ticks after boot, so that a process id given out again is not mistaken."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


open_here: set[str] = set()
"""The tokens of this process's open journals."""


def this_process(token: str) -> Owner:
    """Return this process as an owner under `token`."""
    pid, host = os.getpid(), socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
        started = _status(pid)[1]
    except OSError:
        return Owner(token, host, "", "", pid, 0)
    return Owner(token, host, boot, namespace, pid, started)


def has_ended(owner: Owner, seen_s: float, observer: Owner, now_s: float) -> bool:
    """Return whether `owner`, last heard of at `seen_s`, is certainly or presumably gone.

    observer: this process. seen_s, now_s: wall time.
    """
    if owner.token in open_here:
        return False
    known = bool(owner.boot and observer.boot)
    if known and (owner.boot, owner.namespace) == (observer.boot, observer.namespace):
        if (owner.pid, owner.started) == (observer.pid, observer.started):
            return True  # this process, but the journal is not open any more
        return not _is_running(owner)
    if known and owner.host == observer.host and owner.boot != observer.boot:
        return True
    if not owner.boot and not observer.boot and owner.host == observer.host and not _is_another(owner.pid):
        return True
    return now_s - seen_s > LEASE_S


def _is_running(owner: Owner) -> bool:
    try:
        state, started = _status(owner.pid)
    except FileNotFoundError:
        return _is_hidden(owner.pid)
    except OSError:
        return False  # it ended while its file was read
    return started == owner.started and state not in _ZOMBIE_OR_DEAD


def _is_another(pid: int) -> bool:
    """Return whether `pid` is, or may be, a living process beside this one; nothing but its number is known."""
    if pid == os.getpid():
        return False
    if os.name != "posix":  # elsewhere a signal 0 is no question
        return True
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def _is_hidden(pid: int) -> bool:
    # /proc may be mounted so that it shows one's own processes only; signal 0 is sent to nobody, but tells.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False


def _status(pid: int) -> tuple[str, int]:
    """Return the state of a process and its start; OSError when there is none."""
    text = Path(f"/proc/{pid}/stat").read_bytes()
    # The name before it stands in brackets and may itself hold any character (proc(5): state is 3, starttime 22).
    fields = text.rpartition(b")")[2].split()
    return fields[0].decode(), int(fields[19])
