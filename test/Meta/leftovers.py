"""Nothing is left for later, and no code is commented out."""

import re

from project import ROOT, complain, files, finish, line_of

LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# A comment line that is a statement: it ends like one and holds what prose
# does not.
DEAD_CODE = re.compile(
    r"^[ \t]*//[ \t]*(?:[\w:>.-]+\([^)]*\);|(?:return|if|for|while|auto|const)\b.*[;{])[ \t]*$",
    re.MULTILINE,
)

SOURCES = {".cpp", ".h", ".hpp"}
TEXTS = SOURCES | {".py", ".md", ".txt", ".cmake", ".yaml", ".td", ".test", ""}

looked_at = 0
for path in files("lib", "include", "runtime", "tools", "test", "docs", "cmake", ".ci",
                  suffixes=TEXTS) + [ROOT / "README.md", ROOT / "CMakeLists.txt"]:
    looked_at += 1
    text = path.read_text(errors="replace")
    for match in LATER.finditer(text):
        complain(path, line_of(text, match.start()), f"'{match[0]}': do it, or drop it")
    # The header of a room explains with examples; an implementation has none.
    if path.suffix == ".cpp" and path.is_relative_to(ROOT / "test") is False:
        header, _, body = text.partition("\n\n")
        for match in DEAD_CODE.finditer(body):
            complain(path, line_of(text, len(header) + 2 + match.start()), "code in a comment")

finish(looked_at)
