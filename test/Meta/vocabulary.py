"""docs/vocabulary.md describes every key that a vocabulary may have, and no other."""

import re

from project import ROOT, complain, finish

SOURCE = ROOT / "lib" / "Vocabulary" / "Vocabulary.cpp"
PAGE = ROOT / "docs" / "vocabulary.md"

source = SOURCE.read_text()
known = set(re.findall(r'\{Role::\w+, "([a-z-]+)"\}', source))
known |= set(re.findall(r'map(?:Required|Optional)\("([a-z-]+)"', source)) - {"vocabularies"}
described = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
for key in sorted(known - set(described)):
    complain(PAGE, 0, f"the key '{key}' is not described")
for key in sorted(set(described) - known):
    complain(PAGE, 0, f"no vocabulary has a key '{key}'")
for key in sorted({key for key in described if described.count(key) > 1}):
    complain(PAGE, 0, f"the key '{key}' is described twice")

finish(len(known))
