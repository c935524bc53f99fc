"""The options that help shows and the options that docs/command.md describes
are the same. options.py CORAL"""

import re
import subprocess
import sys

from project import ROOT, complain, finish

PAGE = ROOT / "docs" / "command.md"


def from_help(coral, command):
    output = subprocess.run(
        [coral, command, "--help"], check=True, capture_output=True, text=True
    ).stdout
    return set(re.findall(r"^  (--?[a-z][a-z-]*)", output, re.MULTILINE))


def from_page(text, command):
    section = re.search(rf"^## coral {command}\b(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if not section:
        complain(PAGE, 0, f"no section '## coral {command}'")
        return set()
    return set(re.findall(r"^\| `(--?[a-z][a-z-]*)", section[1], re.MULTILINE)) | {"--help"}


coral = sys.argv[1]
text = PAGE.read_text()
commands = re.findall(
    r"^  ([a-z]+) ",
    subprocess.run([coral, "--help"], check=True, capture_output=True, text=True).stdout,
    re.MULTILINE,
)
for command in commands:
    shown, described = from_help(coral, command) - {"--version"}, from_page(text, command)
    for option in sorted(shown - described):
        complain(PAGE, 0, f"'coral {command} {option}' is not described")
    for option in sorted(described - shown):
        complain(PAGE, 0, f"'coral {command} {option}' does not exist")

finish(len(commands))
