"""Who may include whom."""

import re

from project import ROOT, complain, files, finish, line_of

ANALYSES = {"Support", "Vocabulary", "Model", "Analysis"}
ALLOWED = {
    "Support": set(),
    "Vocabulary": {"Support"},
    "Model": {"Support", "Vocabulary"},
    "Analysis": {"Support", "Vocabulary", "Model"},
    "Checks": ANALYSES,
    "Rewrites": ANALYSES | {"Exec"},
    "Tidy": ANALYSES | {"Checks", "Rewrites", "Exec"},
    "Report": {"Support"},
    "Exec": {"Support"},
}
# Only this room knows clang-tidy.
TIDY_ROOMS = {"Tidy"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def check(path, room, header):
    """What is wrong with this include, or None."""
    parts = header.split("/")
    if parts[0] == "coral":
        return "the compiler side never includes the runtime"
    if parts[0] == "clang-tidy" and room and room not in TIDY_ROOMS:
        return f"{room} may not know clang-tidy"
    if parts[0] != "coralc" or room is None:
        return None
    if parts[1] not in ALLOWED:
        return f"'{header}' belongs to no known room"
    if parts[1] != room and parts[1] not in ALLOWED[room]:
        return f"{room} may not include '{header}'"
    return None


looked_at = 0
for path in files("lib", "include/coralc", "tools", suffixes={".cpp", ".h"}):
    relative = path.relative_to(ROOT).parts
    room = {"lib": 1, "include": 2}.get(relative[0])
    room = relative[room] if room else None
    if room and room not in ALLOWED:
        if len(relative) > 2:
            complain(path, 0, f"'{room}' is no known room")
        continue
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        looked_at += 1
        if problem := check(path, room, match[1]):
            complain(path, line_of(text, match.start()), problem)

for path in files("runtime", suffixes={".cpp", ".hpp"}):
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        looked_at += 1
        if match[1].split("/")[0] == "coralc":
            complain(path, line_of(text, match.start()), "the runtime never includes the compiler side")

finish(looked_at)
