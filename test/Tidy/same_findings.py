"""Compares the findings of `coral lint` and of clang-tidy with the module that
was built beside it: same_findings.py CORAL FILES... -- FLAGS..."""

import pathlib
import re
import subprocess
import sys

FINDING = re.compile(r"^(\S+:\d+:\d+: (?:warning|note): .*)$", re.MULTILINE)

coral, *rest = sys.argv[1:]
files, flags = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
module = pathlib.Path(coral).parent.parent / "lib" / "CoralTidy.so"


def findings(command):
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # What Clang itself adds to its own errors is not a finding. Which of several files comes first
    # is each host's own business.
    kept, ours = [], False
    for line in FINDING.findall(output):
        line = re.sub(r"^\S*/", "", line)
        if ": warning: " in line:
            ours = "[coral-" in line
            if ours:
                kept.append([])
        if ours:
            kept[-1].append(line)
    return ["\n".join(lines) for lines in sorted(kept)]


for file in files:
    ours = findings([coral, "lint", "--level=2", "--checks=coral-*", file, "--", *flags])
    theirs = findings([
        "clang-tidy", f"--load={module}", "--checks=-*,coral-*",
        "--config={CheckOptions: {CoralLevel: 2}}", file, "--", *flags,
    ])
    if not ours:
        sys.exit(f"{file}: no findings at all")
    if ours != theirs:
        for line in sorted(set(ours) ^ set(theirs)):
            print("only coral:" if line in ours else "only clang-tidy:", line)
        sys.exit(f"{file}: the hosts differ")
