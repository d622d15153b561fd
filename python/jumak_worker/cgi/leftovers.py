"""Ends the programs that a spawner before this one has left when it was killed. Linux; elsewhere they end when they next read or write.

A program has the token of its master in its environment. Only processes of the same user can be looked at, so nothing of anybody else is ended.
"""

from __future__ import annotations

import os
import signal

from .environment import TOKEN


def end_leftovers(token: bytes) -> None:
    mark = b"\0" + TOKEN + b"=" + token + b"\0"
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return
    for pid in pids:
        try:
            with open("/proc/%d/environ" % pid, "rb") as file:
                environment = b"\0" + file.read()
            # The leader of the group has the number of it, and may have gone.
            if mark in environment:
                os.killpg(os.getpgid(pid), signal.SIGKILL)
        except (OSError, ValueError):
            continue
