"""Sends messages of the master to the service manager: ``python3 -I -S notify.py MASTER_PID``. Node has no Unix datagrams.

The master starts it where there is a ``NOTIFY_SOCKET``; it ends at the end of its standard input. Standard input has JSON lines, each
the text of one message of sd_notify(3). One process sends them all: the service manager looks up the unit of a sender after the
message was sent, and a process that has ended by then is in none.

For each message it writes one byte to standard output when it is sent, or cannot be sent.

A message names its sender. Only root may name another process: then it names the master, so that ``NotifyAccess=main`` is enough.
Standard library only, without site.
"""

import json
import os
import signal
import socket
import struct
import sys
from typing import List, Tuple

# A service manager that does not read for so long misses this message. The next one says the same again.
SEND_SECONDS = 5.0
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

Ancillary = List[Tuple[int, int, bytes]]


def main(master: int) -> None:
    # An init system may send signals to every process of the service, but the master decides when this one ends.
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    name = os.environ["NOTIFY_SOCKET"]
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SEND_SECONDS)
        ancillary = credentials(master)
        for line in sys.stdin:
            try:
                sender.sendmsg([json.loads(line).encode()], ancillary, 0, address)
            except OSError as error:
                print(f"cannot send to {name}: {error.strerror or error}", file=sys.stderr, flush=True)
            # The master may wait until the service manager has been told.
            print(flush=True)


def credentials(master: int) -> Ancillary:
    kind = getattr(socket, "SCM_CREDENTIALS", None)
    if kind is None or os.geteuid() != 0 or not may_name(kind, master):
        return []
    return [(socket.SOL_SOCKET, kind, ucred(master))]


def may_name(kind: int, pid: int) -> bool:
    """Root of a container may not be allowed to name another process: a socket pair of our own tells."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        try:
            one.sendmsg([b"?"], [(socket.SOL_SOCKET, kind, ucred(pid))])
        except OSError:
            return False
        return True


def ucred(pid: int) -> bytes:
    return struct.pack("iII", pid, os.getuid(), os.getgid())


if __name__ == "__main__":
    main(int(sys.argv[1]))
