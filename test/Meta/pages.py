"""Every check, rewrite and refusal has a page of the agreed form and tests; no
page is about nothing. pages.py CORAL"""

import re
import subprocess
import sys

from project import ROOT, complain, files, finish

CHECK_HEADINGS = [
    "What it does", "Why is this bad", "Bad", "Good", "Fix safety", "Options",
    "Known problems",
]
REWRITE_HEADINGS = [
    "What it converts", "Before", "After", "What stays the same", "When it refuses",
]
REFUSAL_HEADINGS = ["What it means", "Why it is refused", "What would make it convertible"]

KINDS = {
    "checks": (CHECK_HEADINGS, ["summary", "since", "level", "severity", "fix-safety", "options"]),
    "rewrites": (REWRITE_HEADINGS, ["summary", "since", "targets"]),
    "refusals": (REFUSAL_HEADINGS, ["summary", "since"]),
}
# What else lies beside the pages, corpus.md above all, tells how they do.
PAGES = {"checks": "coral-*.md", "rewrites": "*.md", "refusals": "*.md"}
VALUES = {
    "level": {"0", "1", "2", "off"},
    "severity": {"warning", "error"},
    "fix-safety": {"safe", "unsafe", "shown", "none"},
}


def listed(coral, kind):
    """{id: the line that the program says about it}"""
    output = subprocess.run(
        [coral, "list", kind], check=True, capture_output=True, text=True
    ).stdout
    return dict(line.split(maxsplit=1) for line in output.splitlines())


def front_matter(path, text):
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not match:
        complain(path, 1, "the page does not start with front matter")
        return {}
    fields = {}
    for line in match[1].splitlines():
        key, _, value = line.partition(": ")
        fields[key] = value.strip()
    return fields


def check_page(path, kind, line):
    """Its form, and that it says what the program says, unless that says nothing."""
    headings, keys = KINDS[kind]
    text = path.read_text()
    fields = front_matter(path, text)
    if list(fields) != keys:
        complain(path, 1, f"front matter must be {', '.join(keys)}, not {', '.join(fields)}")
    for key, allowed in VALUES.items():
        if key in fields and fields[key] not in allowed:
            complain(path, 1, f"'{key}' is one of {', '.join(sorted(allowed))}")
    summary = fields.get("summary", "")
    expected = f"{fields.get('level'):3}  {summary}" if kind == "checks" else summary
    if line is not None and " ".join(line.split()) != " ".join(expected.split()):
        complain(path, 1, f"the page says '{expected}', the program '{line}'")
    body = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    if f"\n# {path.stem}\n" not in body:
        complain(path, 1, f"the title must be '# {path.stem}'")
    found = re.findall(r"^## (.*)$", body, re.MULTILINE)
    if found != headings:
        complain(path, 1, f"headings must be {', '.join(headings)}; they are {', '.join(found)}")


def tested(kind, identifier, tests):
    """A test of the kind's own folder names it."""
    folder = {"checks": "Checks"}.get(kind, "Rewrites")
    return any(
        identifier in text for path, text in tests.items() if folder in path.parts
    )


coral = sys.argv[1]
tests = {
    path: path.read_text()
    for path in files("test/Checks", "test/Rewrites", suffixes={".test", ".cpp", ".json"})
}
looked_at = 0
for kind in KINDS:
    known = listed(coral, kind)
    pages = {path.stem: path for path in (ROOT / "docs" / kind).glob(PAGES[kind])}
    pages.pop("corpus", None)
    for identifier in sorted(known.keys() | pages.keys()):
        looked_at += 1
        if identifier not in pages:
            complain(ROOT / "docs" / kind / f"{identifier}.md", 0, "the page is missing")
        elif identifier not in known:
            complain(pages[identifier], 0, f"nothing of that name is in 'coral list {kind}'")
        if identifier in pages:
            check_page(pages[identifier], kind, known.get(identifier))
        if identifier in known and not tested(kind, identifier, tests):
            complain(ROOT / "test", 0, f"no test of '{identifier}'")

finish(looked_at)
