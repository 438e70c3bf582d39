"""Locks the present process up before it reads a stranger's file: no files, no sockets, no network, no growth.

What the system does not offer (another kernel, a container's rules) is left out: each lock stands for itself.
"""

import contextlib
import ctypes
import resource
import signal
import time

MEMORY_LIMIT = 512 << 20  # bytes of address space, so that resident memory stays below it
_LAST_DESCRIPTOR = 3  # one above stderr: nothing can be opened any more

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000  # linux/sched.h


def lock_up() -> None:
    """Call once everything is imported; there is no way back."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # they are meant for the bot, which lets a photo finish
        signal.signal(ignored, signal.SIG_IGN)
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_LIMIT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _LAST_DESCRIPTOR),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (limit, limit))
    _lock_in_kernel(ctypes.CDLL(None))


def _lock_in_kernel(libc: ctypes.CDLL) -> None:
    with contextlib.suppress(AttributeError):  # not Linux
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
            libc.unshare(_CLONE_NEWNET)  # where user namespaces are forbidden, a privileged process still can
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after unshare, which clears it


def allow_cpu(seconds: int) -> None:
    """The kernel ends this process (SIGXCPU) after so many more seconds of CPU, should nobody else."""
    used = int(time.process_time()) + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))
