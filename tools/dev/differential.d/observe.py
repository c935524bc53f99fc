"""Plays a scenario against a program and compares two such plays."""

import contextlib
import difflib
import itertools

from peers import alone_with, free_port, occupy, table_of
from program import HarnessError, Program
from scenarios import Stage

_run_number = itertools.count()
_UNPROMPTED = 10  # things that a program may do unprompted before it ends


class Observer:
    """Runs programs in directories of their own below DIRECTORY."""

    def __init__(self, script, timeout, directory):
        self._script = script
        self._timeout = timeout + _UNPROMPTED * script.unprompted
        self._directory = directory

    def observe(self, scenario, binary):
        """What is to be seen of BINARY: sections of lines, by name."""
        fixed = self._script.port
        with alone_with(fixed) if fixed else contextlib.nullcontext():
            if scenario.kind == "plain":
                seen = self._observe_alone(scenario, binary)
            elif scenario.kind.endswith("-client"):
                seen = self._observe_client(scenario, binary)
            else:
                seen = self._observe_server(scenario, binary, attempts=3)
        masked = self._script.masked
        return {section: masked(lines) for section, lines in seen.items()}

    def _observe_alone(self, scenario, binary):
        program = self._start(
            scenario, binary, scenario.args, stdin=scenario.stdin
        )
        program.join()
        return program.outcome(scenario.ordered)

    def _observe_client(self, scenario, binary):
        port, listener = self._port(scenario, take=not scenario.refused)
        program = self._start(scenario, binary, self._args(port), stdin=None)
        stage = self._stage(scenario, program, port)
        try:
            stage.listen(listener)
            if scenario.play:
                scenario.play(stage)
                program.stop(scenario.stop)
            else:
                program.join()
        finally:
            program.kill()
            stage.dispose()
            if listener:
                listener.close()
        return {**stage.transcripts(), **program.outcome(scenario.ordered)}

    def _observe_server(self, scenario, binary, attempts):
        port, taken = self._port(scenario, take=scenario.port_taken)
        stdin = self._script.stdin.encode("latin-1")
        program = self._start(scenario, binary, self._args(port), stdin=stdin)
        if scenario.kind == "local":
            port = str(program.directory / port)
        stage = self._stage(scenario, program, port)
        try:
            if scenario.play is None:
                program.join()
            elif table := program.wait_for(
                lambda: table_of(scenario.kind, port)
            ):
                stage.open(table)
                scenario.play(stage)
                program.stop(scenario.stop)
        finally:
            program.kill()
            stage.dispose()
            if taken:
                taken.close()
        seen = {**stage.transcripts(), **program.outcome(scenario.ordered)}
        if attempts > 1 and not taken and _lost_its_port(seen):
            return self._observe_server(scenario, binary, attempts - 1)
        return seen

    def _port(self, scenario, take):
        """(port, what has it if it is to be TAKEn)"""
        if scenario.kind == "local":
            return "socket", None
        for _ in range(100):
            port = self._script.port or free_port(scenario.kind)
            if not take:
                return port, None
            if taken := occupy(scenario.kind, port):
                return port, taken
        raise HarnessError(f"port {port} is in use")

    def _args(self, port):
        return [arg.replace("{port}", str(port)) for arg in self._script.args]

    def _stage(self, scenario, program, port):
        program.names[str(port)] = "{port}"
        return Stage(scenario.kind, program, port, self._script, self._timeout)

    def _start(self, scenario, binary, args, stdin):
        env = {}
        if scenario.stop_at_first_wait:
            env["DIFFERENTIAL_STOP_AT_FIRST_WAIT"] = "1"
        directory = self._directory / f"run-{next(_run_number)}"
        return Program(
            binary,
            args,
            directory,
            self._timeout,
            env,
            stdin,
            self._script.files,
        )


def _lost_its_port(seen):
    """Whether another program took the port before this one could."""
    return "connects" not in str(seen) and any(
        "Address already in use" in line
        for line in seen["stdout"] + seen["stderr"]
    )


# How often the original has to agree with itself before a difference counts:
# two outcomes that are equally likely pass as one in one of 256 cases.
RERUNS = 8


def compare(scenario, observer, original, rewritten):
    """("same" | "different" | "unstable", lines that show the difference).

    "unstable": the original does not even agree with itself, so nothing can be
    said about the two. A rewrite that only sometimes does what the original always
    does is different.
    """
    before = observer.observe(scenario, original)
    after = observer.observe(scenario, rewritten)
    if before == after:
        return "same", []
    for _ in range(RERUNS):
        again = observer.observe(scenario, original)
        if before != again:
            return "unstable", _differences(before, again, "original, run again")
    if after != observer.observe(scenario, rewritten):
        return "different", _differences(before, after, "rewritten, sometimes")
    return "different", _differences(before, after, "rewritten")


def _differences(before, after, name):
    lines = []
    for section in {**before, **after}:
        old, new = before.get(section, []), after.get(section, [])
        if old == new:
            continue
        lines.append(f"{section}:")
        lines += difflib.unified_diff(
            old, new, "original", name, n=4, lineterm=""
        )
    return lines
