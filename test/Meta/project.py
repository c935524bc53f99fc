"""What the meta-tests share: the files of the project, and how to complain."""

import os
import pathlib
import sys

# Another root is for the tests of these tests.
ROOT = pathlib.Path(os.environ.get("META_ROOT", pathlib.Path(__file__).parents[2])).resolve()

_problems = []


def files(*folders, suffixes):
    """The files with these suffixes below these folders of the project, sorted."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts
    )


def complain(path, line, message):
    """Says what is wrong and where; finish() fails then."""
    name = pathlib.Path(path)
    if name.is_relative_to(ROOT):
        name = name.relative_to(ROOT)
    _problems.append(f"{name}:{line}: {message}" if line else f"{name}: {message}")


def finish(looked_at):
    """Ends the test. One that looked at nothing has failed."""
    if not looked_at:
        _problems.append("nothing was looked at")
    print("\n".join(_problems))
    sys.exit(1 if _problems else 0)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
