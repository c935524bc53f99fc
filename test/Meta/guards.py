"""Each guard that tools/dev/mutate-guards takes out stands where its table says."""

import tomllib

from project import ROOT, complain, finish

PATH = ROOT / "tools/dev/mutate-guards.toml"

table = tomllib.loads(PATH.read_text())
used = {name for guard in table["guard"] for name in guard["mutations"]}
tested = {test for guard in table["guard"] for test in guard["tests"]}
for name, mutation in table["mutation"].items():
    if (ROOT / mutation["file"]).read_text().count(mutation["find"]) != 1:
        complain(PATH, 0, f"'{name}' is not to be found once in {mutation['file']}")
    if name not in used:
        complain(PATH, 0, f"'{name}' belongs to no guard")
for test in sorted((ROOT / "test/Rewrites/Failures").glob("*.test")):
    if test.stem not in tested:
        complain(test, 0, "no guard is taken out for it")
finish(len(table["mutation"]))
