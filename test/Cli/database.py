"""Writes the compile database of a directory: database.py DIRECTORY COMPILER FLAG..."""

import json
import pathlib
import sys

directory = pathlib.Path(sys.argv[1]).resolve()
commands = [
    {"directory": str(directory), "file": path.name, "arguments": [*sys.argv[2:], path.name]}
    for path in sorted(directory.glob("*.cpp"))
]
(directory / "compile_commands.json").write_text(json.dumps(commands))
