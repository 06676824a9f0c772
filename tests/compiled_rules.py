"""Run scripts with compiled rules, in processes of their own, from any test."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent


def run_compiled(name, script, **environment):
    """Run a script in a process with compiled rules, and return the finished process.

    The file of the script keeps its path and date if it has not changed, so that Numba finds its cache again.
    """
    path = Path(tempfile.gettempdir()) / name
    if not path.exists() or path.read_text() != script:
        path.write_text(script)
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK")
    }
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True, text=True, check=False, cwd=TESTS.parent, timeout=550,
        env={**inherited, "PYTHONPATH": str(TESTS.parent), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done
