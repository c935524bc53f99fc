"""Scenario files: what a program is and how to talk to it.

A scenario file is TOML. Everything in it is optional.

    kind = "tcp"              # what the program is; --kind says the same:
                              # tcp, udp, local, tls: a server; local has a
                              # path for its port; tcp-client, tls-client;
                              # plain: a program without peers
    args = ["{port}"]         # the program's arguments
    port = 13                 # the port that it insists on
    stdin = "..."             # what a server or client reads there
    mask = ["..:..:.."]       # regular expressions for what no two runs share,
                              # such as the time of day
    frame = "u16be"           # how messages are delimited: none, line, u16be,
                              # u32be, decimal4; the harness adds the line end
                              # or length
    conversations = [         # what well-behaved peers say, message by message;
        ["echo {peer}", ...], # peer k speaks conversation k, and round again;
        ["quit"],             # {peer} is its name
    ]
    fatal = [["die"]]         # conversations that end the whole program
    unprompted = 1.5          # the program does things that nobody asked for,
                              # and is done when it was quiet for so many
                              # seconds: peers come one by one, each when it is
                              # done with the one before, and say nothing before
                              # it waits again

    files = "directory"       # beside the scenario file: what the program
                              # expects to find where it runs

    [large]                   # what a peer with much to say sends:
    message = "echo {filler}" # {filler} is text of FILLER bytes
    filler = 4000
    count = 50                # so many such messages

    [[run]]                   # of a plain program: one run
    args = ["a", "b"]
    stdin = "..."

Text is sent as Latin-1, so that "\\u00ff" is the byte 255.
"""

import dataclasses
import pathlib
import re
import struct
import tomllib

KINDS = ("tcp", "udp", "local", "tls", "tcp-client", "tls-client", "plain")

_FRAMES = {
    "none": lambda data: data,
    "line": lambda data: data + b"\n",
    "u16be": lambda data: struct.pack(">H", len(data)) + data,
    "u32be": lambda data: struct.pack(">I", len(data)) + data,
    "decimal4": lambda data: b"%4d" % len(data) + data,
}

_DEFAULT_CONVERSATIONS = [
    ["hello from {peer}\n", "{peer} says a second, longer thing\n", "\n"],
    ["one\ntwo\n", "{peer}: no newline at the end"],
    ["\u0000\u0001\u0002 {peer} \u00fe\u00ff", "x", "last words of {peer}\n"],
]


class ScriptError(Exception):
    """A scenario file that cannot be used; says why."""


@dataclasses.dataclass
class Large:
    message: str = "{filler}"
    filler: int = 1 << 18
    count: int = 1


@dataclasses.dataclass
class Run:
    args: list = dataclasses.field(default_factory=list)
    stdin: str = ""


@dataclasses.dataclass
class Script:
    kind: str = ""
    args: list = dataclasses.field(default_factory=lambda: ["{port}"])
    port: int = 0
    stdin: str = ""
    mask: list = dataclasses.field(default_factory=list)
    frame: str = "none"
    conversations: list = dataclasses.field(
        default_factory=lambda: _DEFAULT_CONVERSATIONS
    )
    fatal: list = dataclasses.field(default_factory=list)
    unprompted: float = 0
    large: Large = dataclasses.field(default_factory=Large)
    run: list = dataclasses.field(default_factory=lambda: [Run()])
    # The directory with the files that the program expects where it runs.
    files: pathlib.Path = None

    def talk(self, peer):
        """The messages of the PEER-th peer, as they go over the wire."""
        said = self.conversations[peer % len(self.conversations)]
        return [self._wire(m.replace("{peer}", f"peer {peer}")) for m in said]

    def fatal_talks(self):
        return [[self._wire(m) for m in said] for said in self.fatal]

    def large_messages(self):
        filler = ("0123456789abcdef" * (self.large.filler // 16 + 1))[
            : self.large.filler
        ]
        message = self._wire(self.large.message.replace("{filler}", filler))
        return [message] * self.large.count

    def masked(self, lines):
        """LINES without what no two runs share."""
        for pattern in self.mask:
            lines = [re.sub(pattern, "{masked}", line) for line in lines]
        return lines

    def _wire(self, text):
        return _FRAMES[self.frame](text.encode("latin-1"))


def load(path):
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from error
    return from_table(table, path)


def from_table(table, path):
    """The script that TABLE, of the file PATH, spells."""
    script = _fill(Script, table, path)
    script.large = _fill(Large, table.get("large", {}), path)
    if "run" in table:
        script.run = [_fill(Run, run, path) for run in table["run"]]
    if script.files:
        script.files = pathlib.Path(path).parent / script.files
    _require(script.frame in _FRAMES, path, f"unknown frame '{script.frame}'")
    _require(script.conversations, path, "'conversations' is empty")
    return script


def _fill(kind, table, path):
    known = {field.name for field in dataclasses.fields(kind)}
    for key in table:
        _require(key in known, path, f"unknown key '{key}'")
    return kind(**table)


def _require(condition, path, message):
    if not condition:
        raise ScriptError(f"{path}: {message}")
