"""Every file of the test suite is a test or is used by one."""

import re

from project import ROOT, complain, finish

TEST = ROOT / "test"
# Folders that CMake turns into programs by glob.
GLOBBED = {"Unit"}

paths = [
    path for path in sorted(TEST.rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
]
texts = {path: path.read_text(errors="replace") for path in paths}
# What may name a file of the test suite from outside it.
users = list(texts.items()) + [
    (path, path.read_text(errors="replace"))
    for folder in ("tools", "docs", "runtime")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
]


def is_test(path):
    return path.suffix in {".test", ".cpp", ".md"} and re.search(r"\bRUN:", texts[path])


def is_used(path):
    """Somebody names it, with or without suffix, or all files of its suffix."""
    names = {path.name, path.stem, f"*{path.suffix}"}
    pattern = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])")
    return any(user != path and pattern.search(text) for user, text in users)


looked_at = 0
for path in paths:
    looked_at += 1
    relative = path.relative_to(TEST).parts
    if relative[0] in GLOBBED or path.name.startswith((".", "lit.", "CMakeLists.")):
        continue
    if not is_test(path) and not is_used(path):
        complain(path, 0, "is neither a test nor used by one")

finish(looked_at)
