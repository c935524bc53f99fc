"""The command line of tools/dev/differential."""

import argparse
import concurrent.futures
import fnmatch
import pathlib
import shutil
import sys
import tempfile

import script
from observe import Observer, compare
from program import HarnessError
from scenarios import of_kind
from toolchain import CompileError, Toolchain

SAME, DIFFERENT, USAGE = 0, 1, 2

EPILOG = """\
Arguments after -- go to the compiler. Linux only; everything happens on the
loopback interface.

What is compared, per scenario: what every peer sent and received, in order; how
the program ended; its stdout and stderr; the kind of each sanitizer report.
What is not: time; how TCP cut a stream into segments; the order of output lines
while peers are concurrent; how much fits into a connection nobody reads.

Programs are stopped by an exception out of their event loop (an injected
failure of epoll_wait), so that their destructors run with operations pending
and leaks show; the scenarios named after a signal send that instead. A server
that acts on timers may do so or not before a scenario ends.

Exit code: 0 all the same, 1 different or unstable, 2 nothing was compared.
"""


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="differential",
        description="Compiles two programs, plays the same scenarios against "
        "both and compares what is to be seen of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("original", type=pathlib.Path)
    parser.add_argument("rewritten", type=pathlib.Path, nargs="?")
    add = parser.add_argument
    add("--kind", choices=script.KINDS, help="what the programs are")
    add("--script", type=pathlib.Path, help="scenario file: how to talk to it")
    add("--compiler", default="clang++-22", help="default: %(default)s")
    add("--std", default="c++20", help="language; default: %(default)s")
    add("--sanitize", default="", help="for example address,undefined")
    add("--scenario", action="append", metavar="GLOB", help="only these")
    add("--timeout", type=float, default=5, help="seconds for every wait")
    add("--jobs", "-j", type=int, default=2, help="scenarios at once")
    add("--list", action="store_true", help="tell the scenarios and stop")
    add("--keep", type=pathlib.Path, help="work here and leave it behind")

    flags = []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, flags = arguments[:split], arguments[split + 1 :]
    options = parser.parse_args(arguments)
    options.flags = tuple(flags)
    if not options.rewritten and not options.list:
        parser.error("the rewritten program is missing")
    return options


def _usage(message):
    print(f"differential: {message}", file=sys.stderr)
    return USAGE


def main(arguments):
    options = _parse(arguments)
    try:
        talk = script.load(options.script) if options.script else (
            script.Script()
        )
    except script.ScriptError as error:
        return _usage(error)
    kind = options.kind or talk.kind
    if kind not in script.KINDS:
        return _usage(
            f"say --kind, one of {', '.join(script.KINDS)}, or in the scenario file"
        )

    chosen = of_kind(kind, talk)
    for glob in options.scenario or []:
        if not any(fnmatch.fnmatch(s.name, glob) for s in chosen):
            return _usage(f"no scenario '{glob}' for {kind}; try --list")
    if options.scenario:
        chosen = [
            s
            for s in chosen
            if any(fnmatch.fnmatch(s.name, glob) for glob in options.scenario)
        ]
    if options.list:
        for scenario in chosen:
            print(f"{scenario.name:26}{scenario.summary}")
        return SAME
    for source in (options.original, options.rewritten):
        if not source.is_file():
            return _usage(f"no such file: {source}")
    if not shutil.which(options.compiler):
        return _usage(f"no such compiler: {options.compiler}")

    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        return _run(options, talk, chosen, options.keep.resolve())
    with tempfile.TemporaryDirectory(prefix="differential-") as directory:
        return _run(options, talk, chosen, pathlib.Path(directory))


def _run(options, talk, chosen, directory):
    toolchain = Toolchain(
        options.compiler, options.std, options.sanitize, options.flags
    )
    print(f"original   {options.original}")
    print(f"rewritten  {options.rewritten}")
    print(f"compiler   {toolchain}\n", flush=True)

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        builds = [
            pool.submit(toolchain.build, [source.resolve()], directory / name)
            for source, name in (
                (options.original, "original"),
                (options.rewritten, "rewritten"),
            )
        ]
        programs = []
        for source, build in zip((options.original, options.rewritten), builds):
            try:
                programs.append(build.result())
            except CompileError as error:
                print(error, file=sys.stderr)
                return _usage(f"{source} does not compile")

        observer = Observer(
            talk, options.timeout, pathlib.Path(tempfile.mkdtemp(dir=directory))
        )
        verdicts = [
            pool.submit(compare, scenario, observer, *programs)
            for scenario in chosen
        ]
        try:
            return _report(chosen, [v.result() for v in verdicts])
        except HarnessError as error:
            return _usage(error)


def _report(chosen, verdicts):
    for scenario, (verdict, _) in zip(chosen, verdicts):
        print(f"  {verdict:11}{scenario.name}")
    for scenario, (verdict, difference) in zip(chosen, verdicts):
        if verdict != "same":
            print(f"\n{scenario.name} is {verdict}:")
            print("\n".join(difference))
    same = sum(verdict == "same" for verdict, _ in verdicts)
    print(f"\n{same} of {len(verdicts)} scenarios are the same")
    return SAME if same == len(verdicts) else DIFFERENT
