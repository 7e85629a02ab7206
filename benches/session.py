"""Answers a line of standard input with a line, so that a bench in Rust can run methods in turn
with its own.

`names`: the methods, with | between. `check I`: what method I finds, in words the bench compares.
`run I TIMES`: wall and processor time of one of so many runs, in seconds.
"""

import sys
import time


def serve(methods, words):
    """Serve methods {name: function without arguments}; `words` gives those of a result."""
    named = list(methods.items())
    for line in sys.stdin:
        match line.split():
            case ["names"]:
                print("|".join(name for name, _ in named), flush=True)
            case ["check", at]:
                print(*words(named[int(at)][1]()), flush=True)
            case ["run", at, times]:
                method = named[int(at)][1]
                start, processor = time.perf_counter(), time.process_time()
                for _ in range(int(times)):
                    method()
                wall, processor = time.perf_counter() - start, time.process_time() - processor
                print(wall / int(times), processor / int(times), flush=True)
