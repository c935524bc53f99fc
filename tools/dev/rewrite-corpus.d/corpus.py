"""The command line of tools/dev/rewrite-corpus."""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import sys
import tempfile

import page
from inputs import TARGETS, chosen
from judge import TALKS, Judge, faults, is_idle
from toolchain import CHECKOUT

GOOD, FAULTY, USAGE = 0, 1, 2

EPILOG = """\
A program is a directory, a source file, or a glob over the names that are
printed, such as 'asio/cpp11/echo/*'; without any, all programs of libasio-doc
and libboost1.81-doc that use callbacks or look like it. Each is copied to the
directory --work, rewritten there for each target, compiled by both
compilers, run beside its original by the scenarios of tools/dev/differential,
linted, and rewritten again. talks.toml says how to talk to it.

Exit code: 0 all is well; 1 some rewritten program does not compile, misbehaves,
does not lint clean or changes again, or a negative control changed; 2 usage.
"""


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="rewrite-corpus",
        description="Rewrites the programs that Debian installs and judges "
        "what comes out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    add = parser.add_argument
    build = CHECKOUT / "build"
    add("--coral", type=pathlib.Path, default=build / "bin" / "coral")
    # Outside of this checkout, whose .clang-format is not theirs.
    work = pathlib.Path(tempfile.gettempdir()) / "coral-rewrite-corpus"
    add("--work", type=pathlib.Path, default=work, help="default: %(default)s")
    add("--target", choices=TARGETS, action="append", help="only for this one")
    add("--jobs", "-j", type=int, default=2, help="programs at once")
    add("--resume", action="store_true", help="keep verdicts of an earlier run: all "
        "of the same coral and talks.toml, else those on rewrites, and talks with "
        "them, that are as they were")
    add("--list", action="store_true", help="tell the programs and stop")
    add("--write", action="store_true", help="write docs/rewrites/corpus.md")
    return parser.parse_args(arguments)


def _usage(message):
    print(f"rewrite-corpus: error: {message}", file=sys.stderr)
    return USAGE


class Shelf:
    """Where verdicts are kept, so that one run can take up another's."""

    def __init__(self, work, coral):
        self._work = work
        judged_by = coral.read_bytes() + TALKS.read_bytes()
        self._judge = hashlib.sha256(judged_by).hexdigest()

    def _path(self, name, target):
        return self._work / name / f"{target}.json"

    def put(self, name, target, verdict):
        kept = {"judge": self._judge, "verdict": verdict}
        self._path(name, target).write_text(json.dumps(kept, indent=1))

    def get(self, name, target):
        """The verdict on what this coral made of it; None if there is none."""
        kept = self._kept(name, target)
        return kept["verdict"] if kept and kept["judge"] == self._judge else None

    def get_earlier(self, name, target):
        """The last verdict on what any coral made of it; None if there is none."""
        kept = self._kept(name, target)
        return kept and kept["verdict"]

    def _kept(self, name, target):
        try:
            return json.loads(self._path(name, target).read_text())
        except FileNotFoundError:
            return None


def main(arguments):
    options = _parse(arguments)
    try:
        programs = chosen(options.programs)
    except LookupError as error:
        return _usage(error)
    if options.list:
        print("\n".join(each.name for each in programs))
        return GOOD
    if not options.coral.is_file():
        return _usage(f"no {options.coral}; build it, or say --coral")
    work = options.work.resolve()
    shelf = Shelf(work, options.coral)
    judge = Judge(options.coral.resolve(), work)

    def one(each):
        found = {}
        verdict = None
        for target in options.target or TARGETS:
            # What there is to convert is the same for every target.
            if not (verdict and is_idle(verdict)):
                kept = before = None
                if options.resume:
                    kept = shelf.get(each.name, target)
                    before = shelf.get_earlier(each.name, target)
                verdict = kept or judge.judge(each, target, before)
                shelf.put(each.name, target, verdict)
            found[target] = verdict
        return each, found

    faulty = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for done in concurrent.futures.as_completed(
            [pool.submit(one, each) for each in programs]
        ):
            each, found = done.result()
            for target, verdict in found.items():
                print(f"{each.name:44} {target:6} {page.brief(verdict)}", flush=True)
                if faults(verdict):
                    faulty += 1
                    print(verdict["said"], flush=True)
    print(f"{len(programs)} programs, {faulty} faults")
    if options.write:
        page.write(CHECKOUT / "docs" / "rewrites" / "corpus.md", shelf)
    return FAULTY if faulty else GOOD
