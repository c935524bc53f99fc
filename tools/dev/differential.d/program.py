"""A program under test: started, watched until it waits, stopped, judged.

Nothing here sleeps for a guessed time. A program is *quiet* when every thread
of it is blocked, no thread has run since the last look, and the kernel holds
nothing for it to read or accept; all of that is read from /proc. A program that
waits for a timer is quiet too.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

STOP_SIGNAL = signal.SIGRTMAX - 3

# How a program is asked to end: by a signal that it may handle, or by an
# exception out of its event loop (see stop.cpp).
STOP_SIGNALS = {
    "unwind": STOP_SIGNAL,
    "sigterm": signal.SIGTERM,
    "sigint": signal.SIGINT,
}

_LOOK = 0.0004  # seconds between two looks at a program
_STEADY_LOOKS = 3  # looks without change before the queues are asked
_STALLED_LOOKS = 100  # ... before unread input counts as never read

_SANITIZER_EXIT = 99
_SANITIZERS = {
    "ASAN_OPTIONS": f"exitcode={_SANITIZER_EXIT}:detect_leaks=1"
    ":detect_stack_use_after_return=1:color=never",
    "UBSAN_OPTIONS": "print_stacktrace=1:color=never",
    "TSAN_OPTIONS": f"exitcode={_SANITIZER_EXIT}:color=never",
}
_REPORT_BEGINS = re.compile(r"={20,}$|==\d+==|.*: runtime error: ")
_REPORT = re.compile(
    r"(SUMMARY: \w*Sanitizer: .*|\S+: runtime error: .*|"
    r"==\d+==ERROR: \w*Sanitizer: .*)"
)


class HarnessError(Exception):
    """The program cannot be observed; says why."""


class Program:
    """One run of one program, inside a directory of its own."""

    def __init__(
        self, binary, args, directory, timeout, env=(), stdin=b"", files=None
    ):
        """FILES is a directory of which the program finds a copy. Without
        STDIN, what is to be read there is typed later."""
        directory.mkdir(parents=True, exist_ok=True)
        self.timeout = timeout
        self._out = directory / "stdout"
        self._err = directory / "stderr"
        work = directory / "work"
        if files:
            shutil.copytree(files, work)
        else:
            work.mkdir()
        with contextlib.ExitStack() as files_of_program:
            source = subprocess.PIPE
            if stdin is not None:
                (directory / "stdin").write_bytes(stdin)
                source = files_of_program.enter_context(
                    open(directory / "stdin", "rb")
                )
            self._process = subprocess.Popen(
                ["program", *args],
                executable=binary,
                cwd=work,
                env={
                    "PATH": "/usr/bin:/bin",
                    "LC_ALL": "C",
                    **_SANITIZERS,
                    **dict(env),
                },
                stdin=source,
                stdout=files_of_program.enter_context(open(self._out, "wb")),
                stderr=files_of_program.enter_context(open(self._err, "wb")),
            )
        self.directory = work
        self._tasks = pathlib.Path(f"/proc/{self._process.pid}/task")
        self._killed = False
        self.names = {}  # text in the output -> what stands for it

    def wait_for(self, table):
        """Waits until TABLE() has a result and returns that; None if the
        program ends first."""
        deadline = time.monotonic() + self.timeout
        while not (found := table()):
            if self._process.poll() is not None:
                return None
            if time.monotonic() > deadline:
                raise HarnessError("the program never opened its port")
            time.sleep(_LOOK)
        return found

    def settle(self, drain, unread, quiet=0):
        """Calls DRAIN() until the program is quiet, for QUIET seconds at least,
        and nothing more arrives.

        UNREAD() says whether the kernel holds input for the program. A program
        that does not read although it has input is quiet when it stays so.
        """
        since = time.monotonic()
        deadline = since + self.timeout
        steady = 0
        before = None
        while time.monotonic() < deadline:
            arrived = drain()
            now = self._activity()
            if now is None:  # ended: whatever it sent has arrived by now
                drain()
                return
            if now == before and not arrived:
                steady += 1
            else:
                steady = 0
                since = time.monotonic()
            before = now
            lasts = time.monotonic() - since > quiet
            if lasts and steady >= _STALLED_LOOKS:
                return
            if lasts and steady and steady % _STEADY_LOOKS == 0 and not unread():
                if self._activity() == now and not drain():
                    return
            time.sleep(max(_LOOK, quiet / _STALLED_LOOKS))

    def _activity(self):
        """Counts of context switches if all threads are blocked; None at the
        end of the program; a fresh object while it runs."""
        switches = []
        try:
            for task in sorted(os.listdir(self._tasks)):
                status = (self._tasks / task / "status").read_text()
                state = re.search(r"^State:\t(\w)", status, re.M)[1]
                if state in "ZX":
                    if task == str(self._process.pid):
                        return None
                    continue
                if state != "S":
                    return object()
                switches += re.findall(r"ctxt_switches:\t(\d+)", status)
        except (FileNotFoundError, ProcessLookupError, TypeError):
            return None if self._process.poll() is not None else object()
        return switches

    def type(self, text):
        """Writes TEXT to the program's standard input."""
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # The program is over.

    def end_typing(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def stop(self, how):
        """Asks the program to end; one that does not is killed, and says so."""
        if self._process.poll() is None:
            self._process.send_signal(STOP_SIGNALS[how])
        self.join()

    def join(self):
        """Waits for the end of the program, which is killed if it is late."""
        try:
            self._process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self._killed = True
            self.kill()

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self.end_typing()

    def outcome(self, ordered):
        """Sections of lines: exit, stdout, stderr and sanitizer reports.

        Without ORDERED, lines of concurrent peers are compared as a bag.
        """
        out = self._lines(self._out)
        err, reports = _split_reports(self._lines(self._err))
        return {
            "exit": [self._exit(bool(reports))],
            "stdout": out if ordered else sorted(out),
            "stderr": err if ordered else sorted(err),
            "sanitizer": reports,
        }

    def _exit(self, reported):
        code = self._process.returncode
        if self._killed:
            return "did not end by itself"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        if code == _SANITIZER_EXIT and reported:
            return "ended by a sanitizer"
        return f"exit code {code}"

    def _lines(self, path):
        text = path.read_bytes().decode("utf-8", "backslashreplace")
        for name, stands_for in self.names.items():
            # Any other number may by chance be that of a port.
            before = r"(:|\b(?:port|on)\W{1,2})" if name.isdigit() else "()"
            text = re.sub(
                rf"{before}{re.escape(name)}\b",
                lambda found: found.group(1) + stands_for,
                text,
            )
        lines = text.split("\n")
        if lines[-1]:
            lines[-1] += "  [no newline at the end]"
        else:
            lines.pop()
        return lines


def _split_reports(lines):
    """Separates a sanitizer's report, which has addresses in it, from what the
    program said: only the kind of each report is kept."""
    said, reports = [], []
    inside = False
    for line in lines:
        if _REPORT_BEGINS.match(line):
            inside = True
            while said and not said[-1]:
                said.pop()
        if not inside:
            said.append(line)
        if found := _REPORT.search(line):
            reports.append(re.sub(r"==\d+==|0x[0-9a-f]+| /\S+", "", found[1]))
    return said, reports
