"""Runs the code on the pages.

run_pages.py checks CORAL WORK      what the pages of checks say that happens, happens
run_pages.py rewrites CORAL WORK    so for the pages of rewrites
run_pages.py refusals CORAL WORK    and for the pages of refusals
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("META_ROOT", pathlib.Path(__file__).parents[2])).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
FLAGS = [
    "--", "-std=c++20", f"-I{SOURCE / 'test' / 'Inputs'}", f"-isystem{SOURCE / 'runtime' / 'include'}",
]
FENCE = re.compile(r"^```cpp ?([a-z-]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

problems = []


def complain(page, message):
    problems.append(f"{page.relative_to(ROOT)}: {message}")


def section(text, heading):
    match = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return FENCE.findall(match[1]) if match else []


def coral(*arguments):
    return subprocess.run([CORAL, *arguments], capture_output=True, text=True, check=False)


def lint(paths, *options):
    """The findings per file."""
    run = coral("lint", "--format=json", *options, *map(str, paths), *FLAGS)
    found = {str(path): [] for path in paths}
    for finding in json.loads(run.stdout)["findings"]:
        found.setdefault(finding["path"], []).append(finding)
    return found


def write(page, name, code):
    path = WORK / f"{page.stem}-{name}.cpp"
    path.write_text(code)
    return path


def write_files(page, number, code):
    """The files that follow lines like `//--- name.cpp`, in a directory of their own."""
    directory = WORK / f"{page.stem}-{number}"
    directory.mkdir()
    parts = re.split(r"^//--- (.*)\n", code, flags=re.MULTILINE)[1:]
    for name, text in zip(parts[::2], parts[1::2]):
        (directory / name).write_text(text)
    return sorted(directory.glob("*.cpp"))


def run_check_page(page):
    text = page.read_text()
    safety = re.search(r"^fix-safety: (.*)$", text, re.MULTILINE)[1]
    level = re.search(r"^level: (.*)$", text, re.MULTILINE)[1].replace("off", "2")
    bad, good = section(text, "Bad"), section(text, "Good")
    if not any(mark != "instead" for mark, _ in bad) or not good:
        return complain(page, "needs a fence under Bad and one under Good")
    broken, fixed = set(), []
    files = {}
    for kind, fences in (("bad", bad), ("good", good)):
        for number, (mark, code) in enumerate(fences, 1):
            name = f"{kind}-{number}"
            path = write(page, name, code)
            files[path] = kind
            if mark == "does-not-compile":
                broken.add(path)
            if mark == "instead":
                files[path] = "good"
                fixed.append((WORK / f"{page.stem}-{kind}-{number - 1}.cpp", code))
    found = lint(files, f"--level={level}", f"--checks=*,{page.stem}")
    for path, kind in files.items():
        ids = {finding["check"] for finding in found[str(path)]}
        if path in broken:
            ids.discard("clang-diagnostic-error")
        expected = {page.stem} if kind == "bad" else set()
        if ids != expected:
            says = "; ".join(finding["message"] for finding in found[str(path)]) or "nothing"
            complain(page, f"{path.name}: expected {expected or 'nothing'}, got: {says}")
    for before, after in fixed:
        options = ["--unsafe-fixes"] if safety == "unsafe" else []
        coral("lint", "--fix", *options, f"--checks={page.stem}", str(before), *FLAGS)
        if before.read_text() != after:
            complain(page, f"{before.name}: the fix makes:\n{before.read_text()}")


def run_rewrite_page(page):
    text = page.read_text()
    before, after = section(text, "Before"), section(text, "After")
    if len(before) != 1 or len(after) != 1:
        return complain(page, "needs one fence under Before and one under After")
    path = write(page, "before", before[0][1])
    run = coral("rewrite", "--in-place", str(path), *FLAGS)
    if path.read_text() != after[0][1]:
        complain(page, f"the rewrite says {run.stderr.strip()} and makes:\n{path.read_text()}")


def reasons(target, paths):
    """Why sites are refused, per file."""
    run = coral("rewrite", f"--target={target}", "--report=json", *map(str, paths), *FLAGS)
    found = {path: set() for path in paths}
    for site in json.loads(run.stdout)["sites"]:
        if site["status"] == "refused":
            found[pathlib.Path(site["path"])].add(site["reason"])
    return found


def run_refusal_pages(pages):
    pages_of = {}
    for page in pages:
        for number, (mark, code) in enumerate(section(page.read_text(), "What it means"), 1):
            if mark == "refused":
                pages_of[write(page, str(number), code)] = page
            elif mark == "refused-files":
                paths = write_files(page, number, code)
                found = set().union(*reasons("coral", paths).values())
                if found != {page.stem}:
                    complain(page, f"the files are refused because of {found or 'nothing'}")
    found = reasons("coral", list(pages_of))
    # Some reasons exist for one target only.
    left = [path for path, page in pages_of.items() if page.stem not in found[path]]
    if left:
        found.update(reasons("asio", left))
    for path in left:
        if pages_of[path].stem not in found[path]:
            complain(pages_of[path], f"{path.name} is refused because of {found[path] or 'nothing'}")


KIND, CORAL, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)
pages = sorted((ROOT / "docs" / KIND).glob("coral-*.md" if KIND == "checks" else "*.md"))
pages = [path for path in pages if path.stem != "corpus"]
if KIND == "refusals":
    run_refusal_pages(pages)
else:
    for each in pages:
        {"checks": run_check_page, "rewrites": run_rewrite_page}[KIND](each)
if not pages:
    problems.append("no pages")
print("\n".join(problems))
sys.exit(1 if problems else 0)
