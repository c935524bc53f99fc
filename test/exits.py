"""Runs a command that must end with a certain exit code: exits.py CODE COMMAND..."""

import subprocess
import sys

expected = int(sys.argv[1])
code = subprocess.run(sys.argv[2:], check=False).returncode
if code != expected:
    sys.exit(f"exits.py: exit code {code}, expected {expected}: {' '.join(sys.argv[2:])}")
