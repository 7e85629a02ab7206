"""The command line: ``car-spectral analyze ...`` or ``python -m car_spectral analyze ...``."""

from __future__ import annotations

import signal
import sys

from . import __version__, _core

_USAGE = """Usage: car-spectral analyze OPTIONS   (or python -m car_spectral analyze OPTIONS)

Does the worst-class bound hold on this model, and by how much? All options:
car-spectral analyze --help"""


def main() -> int:
    """Run the program `analyze` on the arguments; give its exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["analyze"]:
        # The program is stopped by Ctrl-C as a program, not between two lines of Python.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return _core.run_program(arguments)
    if arguments in (["--version"], ["-V"]):
        print(f"car-spectral {__version__}")
        return 0
    asked = arguments in (["--help"], ["-h"])
    print(_USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main())
