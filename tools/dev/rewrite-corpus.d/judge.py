"""Takes one program through everything that is claimed of a rewrite.

The judgement of a program for one target is a dictionary that JSON can hold:

    state        "converted" (some file changed), "unchanged", "broken" (the
                 original does not parse), "failed" (no rewrite was made)
    initiations  how many sites the report has
    converted    how many of them are
    refused      reason -> how many
    clang, gcc   "yes", "no"; "neither" if the original does not compile either
    behaves      "yes", "no", or why nothing can be said
    lints        "yes", or how many findings are new
    idempotent   "yes", "no"
    control      whether it is a negative control
    pair         a digest of the original and the rewritten program, of how they
                 are built and of what is played to them
    played       what went wrong when it was compiled and run, at length
    said         all that went wrong, at length
"""

import collections
import functools
import hashlib
import json
import pathlib
import subprocess
import tempfile
import tomllib

import script
from inputs import matches
from observe import Observer, compare
from program import HarnessError
from scenarios import of_kind
from toolchain import CHECKOUT, CompileError, Toolchain

STANDARD = "c++20"
COMPILERS = {"clang": "clang++-22", "gcc": "g++-12"}
TALKS = pathlib.Path(__file__).with_name("talks.toml")
_TIMEOUT = 600  # seconds for a step
_PATIENCE = 5  # seconds that a program may keep a peer waiting
_RUN_TIME = 30  # seconds that a program without peers may take


class Judge:
    def __init__(self, coral, work):
        self._coral = coral
        self._work = work
        self._originals = {}  # (name, compiler) -> program or why there is none
        with open(TALKS, "rb") as file:
            self._talks = tomllib.load(file)["talk"]

    def judge(self, each, target, before=None):
        """BEFORE is an earlier verdict: if the rewrite came out the same, so does
        what compilers and peers make of it."""
        work = self._work / each.name / target
        original = self._work / each.name / "original"
        each.copy(original)
        each.copy(work)
        contents = _contents(work)

        first = self._rewrite(each, target, work)
        if isinstance(first, str):
            return {"state": "failed", "said": first, "control": each.is_control}
        verdict = first
        verdict["control"] = each.is_control
        verdict["said"] = ""
        after = _contents(work)
        if verdict["state"] == "broken":
            return verdict
        verdict["state"] = "unchanged" if contents == after else "converted"
        if contents == after:
            return verdict

        verdict["pair"] = self._digest(each, target, contents, after)
        if before and before.get("pair") == verdict["pair"]:
            verdict |= {key: before[key] for key in (*COMPILERS, "behaves", "played")}
        else:
            pair = self._compile(each, target, original, work, verdict)
            verdict["behaves"] = self._behave(each, pair, original, verdict)
            verdict["played"] = verdict["said"]
        verdict["said"] = verdict["played"]
        verdict["lints"] = self._lint(each, target, original, work, verdict)
        again = self._rewrite(each, target, work)
        stable = isinstance(again, dict) and _contents(work) == after
        verdict["idempotent"] = "yes" if stable else "no"
        return verdict

    def _talk(self, each):
        return next((t for t in self._talks if matches(each.name, t["programs"])), None)

    def _digest(self, each, target, before, after):
        digest = hashlib.sha256()
        for contents in (before, after, runtime_headers() if target == "coral" else {}):
            for name, content in sorted(contents.items()):
                digest.update(f"{name} {len(content)}\n".encode())
                digest.update(content)
        # Wherever this checkout is.
        flags = [flag.replace(str(CHECKOUT), ".") for flag in each.flags(target)]
        digest.update(repr((flags, self._talk(each))).encode())
        return digest.hexdigest()

    def _run(self, command, cwd):
        try:
            return subprocess.run(
                [str(word) for word in command],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(
                command, -1, "", f"no end after {_TIMEOUT} s"
            )

    def _rewrite(self, each, target, cwd):
        """Rewrites in place; what the report says, or why there is none."""
        run = self._run(
            [self._coral, "rewrite", "--in-place", "--report=json", "--quiet"]
            + [f"--target={target}", *each.sources, "--"]
            + [f"-std={STANDARD}", *each.flags(target)],
            cwd,
        )
        if run.returncode not in (0, 3) or "crashed" in run.stderr:
            return run.stderr or f"exit code {run.returncode}"
        sites = json.loads(run.stdout)["sites"]
        refused = [site for site in sites if site["status"] != "converted"]
        return {
            "state": "broken" if run.returncode == 3 else "parsed",
            "initiations": len(sites),
            "converted": len(sites) - len(refused),
            "refused": collections.Counter(site["reason"] for site in refused),
        }

    def _compile(self, each, target, original, work, verdict):
        """Says of each compiler whether it takes the rewritten program; returns
        the original and the rewritten one as clang builds them, or None."""
        pair = None
        for key in COMPILERS:
            rewritten = self._build(each, each.flags(target), key, work)
            verdict[key] = "no" if isinstance(rewritten, str) else "yes"
            if key == "clang" or verdict[key] == "no":
                before = self._build_once(each, key, original)
                if isinstance(before, str):
                    verdict[key] = "neither"
                elif verdict[key] == "no":
                    verdict["said"] += f"{COMPILERS[key]}:\n{rewritten}"
                elif key == "clang":
                    pair = before, rewritten
        return pair

    def _build_once(self, each, key, original):
        place = each.name, key
        if place not in self._originals:
            self._originals[place] = self._build(each, each.flags("coral"), key, original)
        return self._originals[place]

    def _build(self, each, flags, key, folder):
        """The program, or the compiler's words."""
        toolchain = Toolchain(
            COMPILERS[key], STANDARD, "", (*flags, *each.libraries())
        )
        sources = [folder / source for source in each.sources]
        try:
            return toolchain.build(sources, folder.with_suffix(f".{key}"))
        except CompileError as error:
            return str(error)

    def _behave(self, each, pair, original, verdict):
        table = dict(self._talk(each) or {"not-driven": "not driven"})
        if not pair:
            return "not built"
        if "not-driven" in table:
            return table["not-driven"]
        table.pop("programs")
        wanted = table.pop("scenarios", ["*"])
        talk = script.from_table(table, original / "talk")
        chosen = [s for s in of_kind(talk.kind, talk) if matches(s.name, wanted)]
        patience = _RUN_TIME if talk.kind == "plain" else _PATIENCE
        with tempfile.TemporaryDirectory(prefix="rewrite-corpus-") as directory:
            observer = Observer(talk, patience, pathlib.Path(directory))
            try:
                plays = [(s, *compare(s, observer, *pair)) for s in chosen]
            except HarnessError as error:
                return f"not driven: {error}"
        for scenario, found, lines in plays:
            if found != "same":
                verdict["said"] += f"{scenario.name} is {found}:\n" + "\n".join(lines) + "\n"
        states = collections.Counter(found for _, found, _ in plays)
        if states["different"]:
            return "no"
        return "yes" if states["same"] else "unstable"

    def _lint(self, each, target, original, work, verdict):
        new = self._findings(each, target, work)
        if new:
            new -= self._findings(each, target, original)
        verdict["said"] += "".join(f"{check}: {text}\n" for check, text in new)
        return str(new.total()) if new else "yes"

    def _findings(self, each, target, folder):
        run = self._run(
            [self._coral, "lint", "--format=json", "--quiet", *each.sources]
            + ["--", f"-std={STANDARD}", *each.flags(target)],
            folder,
        )
        if run.returncode not in (0, 1):
            return collections.Counter([("coral lint", run.stderr or "incomplete")])
        return collections.Counter(
            (f["check"], f["message"]) for f in json.loads(run.stdout)["findings"]
        )


def faults(verdict):
    """What is wrong with a rewrite, in a few words each."""
    state = verdict["state"]
    found = []
    if state == "failed":
        found.append("no rewrite was made")
    if verdict["control"] and state == "converted":
        found.append("a negative control changed")
    if state != "converted":
        return found
    for key, compiler in COMPILERS.items():
        if verdict[key] == "no":
            found.append(f"does not compile with {compiler}")
    if verdict["behaves"] == "no":
        found.append("misbehaves")
    if verdict["lints"] != "yes":
        found.append("does not lint clean")
    if verdict["idempotent"] != "yes":
        found.append("changes when rewritten again")
    return found


def is_idle(verdict):
    """Whether the program has nothing to convert."""
    return verdict["state"] == "unchanged" and not verdict["initiations"]


@functools.cache
def runtime_headers():
    folder = CHECKOUT / "runtime" / "include"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.hpp")
    }


def _contents(folder):
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()
    }
