"""Sends messages to a Unix socket: ``python3 -I -S datagrams.py PATH``. Node has no Unix datagrams.

Master and gateway start one each where metrics or logs go to such a socket (``src/observe/remote/unix.ts``). It ends at the end of its standard
input, so with the process that started it. Standard input has messages, each behind its length: two bytes, the larger first.

The socket is one of datagrams, or of a stream, as ``/dev/log`` of old systems is: each is tried. A message that cannot be sent is lost; the first
reason is told on standard error. Standard library only, without site.
"""

import signal
import socket
import sys
from typing import BinaryIO, Optional

# A server that does not read for so long misses the message.
SEND_SECONDS = 1.0
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def main(path: str, source: BinaryIO) -> None:
    # An init system may send signals to every process of the service, but who has started this one decides when it ends.
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    sender: Optional[socket.socket] = None
    has_told = False
    while True:
        length = source.read(2)
        if len(length) < 2:
            return
        message = source.read(int.from_bytes(length, "big"))
        try:
            if sender is None:
                sender = connected(path)
            sender.sendall(message)
        except OSError as error:
            # The server may have been started anew: the next message tries its new socket.
            if sender is not None:
                sender.close()
            sender = None
            if not has_told:
                has_told = True
                print("cannot send to %s: %s" % (path, error.strerror or error), file=sys.stderr, flush=True)


def connected(path: str) -> socket.socket:
    """Raises OSError."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    for kind in kinds:
        sender = socket.socket(socket.AF_UNIX, kind)
        sender.settimeout(SEND_SECONDS)
        try:
            sender.connect(path)
            return sender
        except OSError:
            sender.close()
            if kind is kinds[-1]:
                raise
    raise AssertionError


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer)
