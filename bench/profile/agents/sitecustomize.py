"""Python imports this by itself where `npm run profile` puts its directory into PYTHONPATH.

In each worker SIGUSR2 starts a sampler, and the next one stops it and writes `worker-PID.folded` (collapsed stacks) into
PROFILE_OF_JUMAK_DIRECTORY, complete from the moment that it is there. The sampler's clock is the CPU time of the process, so waiting is
not counted; a profiler from outside sees a thread that waits for the processor as a busy one. The kernel looks at that clock at
its ticks only, so there are some 250 samples in a second of CPU time. The main thread is sampled: it runs the first slot, or
the event loop.
"""

import os
import signal
from collections import Counter

_SAMPLE_SECONDS = 0.001

_samples: Counter = Counter()
_running = False


def _sample(_number, frame):
    stack = []
    while frame is not None:
        stack.append(frame.f_code)
        frame = frame.f_back
    _samples[tuple(stack)] += 1


def _switch(_number, _frame):
    global _running
    _running = not _running
    if _running:
        signal.setitimer(signal.ITIMER_PROF, _SAMPLE_SECONDS, _SAMPLE_SECONDS)
        return
    signal.setitimer(signal.ITIMER_PROF, 0)
    path = "%s/worker-%d.folded" % (os.environ["PROFILE_OF_JUMAK_DIRECTORY"], os.getpid())
    with open(path + ".part", "w", encoding="utf-8") as file:
        for stack, count in _samples.items():
            file.write("%s %d\n" % (";".join(_describe(code) for code in reversed(stack)), count))
    os.rename(path + ".part", path)


def _describe(code):
    name = getattr(code, "co_qualname", code.co_name)
    return ("%s\t%s:%d" % (name, code.co_filename, code.co_firstlineno)).replace(";", ":")


def _in_worker():
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR2, _switch)


if "PROFILE_OF_JUMAK_DIRECTORY" in os.environ:
    # Workers are forked by the preloader, which imports this.
    os.register_at_fork(after_in_child=_in_worker)
