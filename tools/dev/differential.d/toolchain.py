"""Compiles the two programs under comparison."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]

_TIMEOUT = 600  # seconds for one run of the compiler
LINK_ONLY = ("-l", "-L", "-Wl,")


class CompileError(Exception):
    """The compiler's own words about a program that does not compile."""


@dataclasses.dataclass(frozen=True)
class Toolchain:
    compiler: str
    standard: str
    sanitizers: str
    flags: tuple

    def __str__(self):
        words = [self.compiler, f"-std={self.standard}"]
        if self.sanitizers:
            words.append(f"-fsanitize={self.sanitizers}")
        return " ".join([*words, *self.flags])

    def build(self, sources, directory):
        """Compiles and links SOURCES inside DIRECTORY; returns the program."""
        directory.mkdir(parents=True, exist_ok=True)
        program = directory / "program"
        objects = [
            self._compile(source, directory / f"{number}-{source.stem}.o")
            for number, source in enumerate([*sources, HERE / "stop.cpp"])
        ]
        linking = [f for f in self.flags if _is_link_only(f)]
        _run(
            [self.compiler, *self._common(), *objects, *linking]
            + ["-Wl,--wrap=epoll_wait", "-o", program]
        )
        return program

    def _compile(self, source, output):
        launcher = [shutil.which("ccache")] if shutil.which("ccache") else []
        flags = [f for f in self.flags if not _is_link_only(f)]
        include = CHECKOUT / "runtime" / "include"
        _run(
            [*launcher, self.compiler, *self._common(), *flags]
            + [f"-std={self.standard}", f"-I{include}"]
            + ["-c", source, "-o", output]
        )
        return output

    def _common(self):
        if not self.sanitizers:
            return ["-pthread"]
        return [
            "-pthread",
            "-g1",
            "-fno-omit-frame-pointer",
            f"-fsanitize={self.sanitizers}",
            f"-fno-sanitize-recover={self.sanitizers}",
        ]


def _is_link_only(flag):
    return flag.startswith(LINK_ONLY) or flag.endswith((".a", ".so"))


def _run(command):
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise CompileError(f"no end after {_TIMEOUT} s") from error
    if done.returncode != 0:
        raise CompileError(done.stdout)
