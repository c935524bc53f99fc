"""Messages read alike: one line, lower case, no final period. Looks at what the
checks, rewrites and commands say in their code, and at what the tests expect."""

import re

from project import complain, files, finish, line_of

# A call that says something, up to the end of its first run of string literals.
SAID = re.compile(
    r"\b(?:report|note|refuse|usageError|failure)\("
    r"(?:[^;\"]*?,)?\s*(?P<text>\"(?:[^\"\\]|\\.)*\"(?:\s*\"(?:[^\"\\]|\\.)*\")*)"
    r"(?P<last>\s*\))?"
)
LITERAL = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")
# A diagnostic in an expected output.
EXPECTED = re.compile(r"(?:warning|note): (?:not converted: )?(?P<text>[^\n]*?)(?: \[[a-z-]+\])?$",
                      re.MULTILINE)


def problem(text, whole):
    first = text.lstrip("'\"")[:1]
    if text[:1] not in "'\"" and first.isupper() and not re.match(r"[A-Z][A-Z]|[A-Z]\w*::", text):
        return "starts with a capital letter"
    if whole and re.search(r"[^.]\.$", text):
        return "ends with a period"
    if "\\n" in text:
        return "has more than one line"
    return None


looked_at = 0
for path in files("lib/Checks", "lib/Rewrites", "lib/Exec", "tools/coral", suffixes={".cpp"}):
    source = path.read_text()
    for match in SAID.finditer(source):
        looked_at += 1
        text = "".join(LITERAL.findall(match["text"]))
        if text and (wrong := problem(text, bool(match["last"]))):
            complain(path, line_of(source, match.start()), f"'{text}' {wrong}")

for path in files("test/Checks", "test/Rewrites", "test/Tidy", suffixes={".test", ".cpp"}):
    source = path.read_text()
    for match in EXPECTED.finditer(source):
        looked_at += 1
        if "{{" not in match["text"] and (wrong := problem(match["text"], True)):
            complain(path, line_of(source, match.start()), f"'{match['text']}' {wrong}")

finish(looked_at)
