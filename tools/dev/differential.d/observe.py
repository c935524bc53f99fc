"""Plays a scenario against a program and compares two such plays."""

import difflib
import itertools

from peers import free_port, table_of
from program import Program
from scenarios import Stage, occupy

_run_number = itertools.count()


class Observer:
    """Runs programs in directories of their own below DIRECTORY."""

    def __init__(self, script, timeout, directory):
        self._script = script
        self._timeout = timeout
        self._directory = directory

    def observe(self, scenario, binary):
        """What is to be seen of BINARY: sections of lines, by name."""
        if scenario.kind == "plain":
            program = self._start(
                scenario, binary, scenario.args, stdin=scenario.stdin
            )
            program.join()
            return program.outcome(scenario.ordered)
        return self._observe_server(scenario, binary, attempts=3)

    def _observe_server(self, scenario, binary, attempts):
        port = free_port(scenario.kind)
        taken = None
        while scenario.port_taken and not taken:
            taken = occupy(scenario.kind, port)
            port = port if taken else free_port(scenario.kind)
        args = [arg.replace("{port}", str(port)) for arg in self._script.args]
        program = self._start(scenario, binary, args)
        program.names[str(port)] = "{port}"
        stage = Stage(
            scenario.kind, program, port, self._script, self._timeout
        )
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

    def _start(self, scenario, binary, args, stdin=b""):
        env = {}
        if scenario.stop_at_first_wait:
            env["DIFFERENTIAL_STOP_AT_FIRST_WAIT"] = "1"
        directory = self._directory / f"run-{next(_run_number)}"
        return Program(binary, args, directory, self._timeout, env, stdin)


def _lost_its_port(seen):
    """Whether another program took the port before this one could."""
    return "connects" not in str(seen) and any(
        "Address already in use" in line
        for line in seen["stdout"] + seen["stderr"]
    )


def compare(scenario, observer, original, rewritten):
    """("same" | "different" | "unstable", lines that show the difference).

    "unstable": the original does not even agree with itself, so nothing can be
    said about the rewritten program.
    """
    before = observer.observe(scenario, original)
    after = observer.observe(scenario, rewritten)
    if before == after:
        return "same", []
    again = observer.observe(scenario, original)
    if before != again:
        return "unstable", _differences(before, again, "original, run again")
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
