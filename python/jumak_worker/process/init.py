"""Process 1 of a container without an init: runs the program as its child, forwards signals to it, and collects processes that end.

``bin/jumak`` starts it if it is process 1 itself: ``python3 -I -S init.py COMMAND [ARG ...]``. Every orphan of a container becomes a
child of process 1: workers whose preloader was killed, daemons of the application. Node collects only processes that it has
started. If the master were process 1, the others would stay as zombies. Three ways were compared:

- ``process.execve`` from the master into this file, which starts the master again. It loses every descriptor from 3 on, and with them
  ``--bind fd://3``. It starts Node twice (0.1 s). Not every Node has it.
- The shell of ``bin/jumak`` as the init, with traps: 5 MB less. But Ctrl-C in a terminal reaches the master twice (from the
  terminal and from the trap), which means "now", and shells differ in what ``wait`` does at a signal.
- This: it runs before Node is started, so nothing is lost or started twice, and the program has a process group of its own.

An upgrade replaces the program: the new one is a child of the old one, and becomes ours when that ends. The old one writes to a pipe
(``JUMAK_INIT`` is its descriptor there): ``PID`` before it hands over, and ``PID CODE`` if the new one ends before it. From then on signals
go to the new one, and the container ends with it.

Standard library only, without site. It runs on Python 3.6 and later, because it may be another Python than the application's.
"""

import os
import signal
import sys

FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTTIN,
    signal.SIGTTOU,
)


def main(command):
    waited_for = set(FORWARDED) | {signal.SIGCHLD}
    # Blocked signals wait for us, even those that the kernel would not send to process 1 otherwise.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    successors, told_by_program = os.pipe()
    os.set_blocking(successors, False)
    child = os.fork()
    if child == 0:
        os.set_inheritable(told_by_program, True)
        os.environ["JUMAK_INIT"] = str(told_by_program)
        become(command, before)
    os.close(told_by_program)
    give_terminal(child)
    program = child
    code = 1
    while True:
        number = signal.sigwait(waited_for)
        # Before anything else: the signal may be the end of the old one, or be meant for the new one.
        program, code = told(successors, program, code)
        if number == signal.SIGCHLD:
            status = reap(program)
            if status is not None:
                return status
            if not is_there(program):
                return code  # it ended while the old one was its parent
        else:
            try:
                os.kill(program, number)
            except ProcessLookupError:
                pass  # it has ended, and SIGCHLD follows


def told(successors, program, code):
    """The process that is the program now, and its exit code if its predecessor has collected it."""
    try:
        lines = os.read(successors, 4096).splitlines()
    except OSError:
        return program, code  # nothing is told; when all writers have gone it is read as empty
    for line in lines:
        words = line.split()
        if words and all(word.isdigit() for word in words):
            program, code = int(words[0]), int(words[1]) if len(words) > 1 else 1
    return program, code


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def become(command, mask):
    try:
        # A group of its own: a terminal sends signals to the group in the foreground, which is the program's, and not to us too.
        os.setpgid(0, 0)
        # Python ignores these two signals. The program should not.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, ("jumak: %s: %s\n" % (command[0], error)).encode("utf-8", "replace"))
    finally:
        os._exit(127)


def give_terminal(child):
    """Puts the program into the foreground of the terminal, if there is one (``docker run -it``)."""
    try:
        os.setpgid(child, child)  # the child does the same: the first of the two is in time
    except OSError:
        pass
    try:
        if os.isatty(0):
            os.tcsetpgrp(0, child)
    except OSError:
        pass  # not our terminal


def reap(child):
    """Collects all processes that have ended; returns the exit code if the child is one of them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
