"""Every numbered fact of docs/runtime/behaviours.md has a test named by its number, or a row of
docs/runtime/differences.md that begins with it. No test is named by a number that is no fact."""

import re

from project import ROOT, complain, files, finish, line_of

behaviours = ROOT / "docs/runtime/behaviours.md"
differences = ROOT / "docs/runtime/differences.md"

text = behaviours.read_text()
facts = {
    int(match[1]): line_of(text, match.start())
    for match in re.finditer(r"^(\d+)\. ", text, re.MULTILINE)
}
if list(facts) != list(range(1, len(facts) + 1)):
    complain(behaviours, 0, "the facts are not numbered one by one")

tested = {}
for path in files("test/Runtime", suffixes={".cpp", ".hpp", ".py", ".txt"}):
    for match in re.finditer(r"\bfact_(\d+)_\w", path.read_text()):
        tested.setdefault(int(match[1]), path)

# | 88: what asyncio does | here | why |
explained = {
    int(match[1])
    for match in re.finditer(r"^\| (\d+): ", differences.read_text(), re.MULTILINE)
}

for number, line in facts.items():
    if number not in tested and number not in explained:
        complain(behaviours, line, f"no test is named fact_{number:02}_..., and {differences.name} "
                 f"has no row '{number}: ...'")
for number in sorted(tested.keys() - facts.keys()):
    complain(tested[number], 0, f"fact {number} is not in {behaviours.name}")
for number in sorted(explained - facts.keys()):
    complain(differences, 0, f"fact {number} is not in {behaviours.name}")

finish(len(facts))
