"""What is done to a program. Each scenario is one function of a Stage.

A scenario function drives peers in a fixed order; wherever the order of what a
peer sees could depend on speed, it lets the program settle first.
"""

import dataclasses
import functools
import random
from typing import Callable

from peers import TcpPeer, Transcript, UdpPeer, accept, connect, has_unread

MANY = 50

# What is played to a program of a kind that has no scenarios of its own.
PLAYED_AS = {"local": "tcp", "tls": "tcp", "tls-client": "tcp-client"}


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    kind: str
    summary: str
    play: Callable = None  # drives the peers; None: the program ends by itself
    stop: str = "unwind"  # how the program is stopped after the play
    ordered: bool = True  # False where peers are concurrent and so is output
    port_taken: bool = False
    refused: bool = False  # of a client: nobody listens
    stop_at_first_wait: bool = False
    args: tuple = ()  # of a plain program
    stdin: bytes = b""


class Stage:
    """A running program and the peers around it."""

    def __init__(self, kind, program, port, script, timeout):
        self.script = script
        self.program = program
        self.port = port
        self._kind = kind
        self._timeout = timeout
        self._unread = None
        self._listener = None
        self._peers = []
        self._logs = {}

    def open(self, table):
        """The program has its port, as the kernel's TABLE says."""
        self._unread = functools.partial(has_unread, table, self.port)
        self.settle()

    def listen(self, listener):
        """The program is a client; LISTENER, if any, is for it to find."""
        self._listener = listener
        self._unread = functools.partial(
            has_unread, "tcp", self.port, end="remote"
        )

    def peer(self, at_once=False, **options):
        """Somebody new who talks to the program, when that has done what it
        does unprompted, or AT_ONCE."""
        if self.script.unprompted and not at_once:
            self.settle(quiet=self.script.unprompted)
        name = f"peer {len(self._peers)}"
        log = self._logs[name] = Transcript()
        if self._kind == "udp":
            peer = UdpPeer(self.port, self._timeout, log)
        else:
            begin = functools.partial(self._connect, **options)
            peer = TcpPeer(begin, self._timeout, log)
        # One of the two is the port that the scenario is about.
        names = self.program.names
        names.setdefault(str(peer.remote_port), f"{{port for {name}}}")
        names.setdefault(str(peer.local_port), f"{{port of {name}}}")
        peer.messages = self.script.talk(len(self._peers))
        self._peers.append(peer)
        if self.script.unprompted:
            self.settle()
        return peer

    def _connect(self, **options):
        if self._listener:
            return accept(
                self._kind, self._listener, self._timeout, self.script.files
            )
        return connect(self._kind, self.port, self._timeout, **options)

    def settle(self, quiet=0):
        self.program.settle(
            lambda: any([peer.drain() for peer in self._peers]),
            self._unread,
            quiet,
        )

    def say(self, peer, message):
        peer.send(message)
        self.settle()

    def converse(self, peer):
        for message in peer.messages:
            self.say(peer, message)

    def transcripts(self):
        return {name: log.lines() for name, log in self._logs.items()}

    def dispose(self):
        for peer in self._peers:
            peer.dispose()


ALL = []


def scenario(name, kind, **more):
    def register(play):
        ALL.append(Scenario(name, kind, play.__doc__, play, **more))
        return play

    return register


@scenario("clean-close", "tcp")
def _(stage):
    """Peers talk one after the other and close."""
    for _ in stage.script.conversations:
        peer = stage.peer()
        stage.converse(peer)
        peer.close()
        stage.settle()


@scenario("half-close", "tcp")
def _(stage):
    """All messages at once, then no more: the answers must still come."""
    for _ in stage.script.conversations:
        peer = stage.peer()
        peer.send(b"".join(peer.messages), last=True)
        peer.read_to_end()


@scenario("half-close-after-talk", "tcp")
def _(stage):
    """A conversation, then the end of it: the server's side ends too."""
    for _ in stage.script.conversations:
        peer = stage.peer()
        stage.converse(peer)
        peer.half_close()
        peer.read_to_end()


@scenario("silence", "tcp")
def _(stage):
    """Peers that never say a word."""
    stage.peer().close()
    stage.settle()
    stage.peer().reset()
    stage.settle()
    peer = stage.peer()
    peer.half_close()
    peer.read_to_end()
    stage.converse(stage.peer())


@scenario("reset", "tcp")
def _(stage):
    """Peers that reset the connection; the next ones are served."""
    for _ in stage.script.conversations:
        peer = stage.peer()
        stage.converse(peer)
        peer.reset()
        stage.settle()
    stage.converse(stage.peer())


@scenario("reset-while-sending", "tcp")
def _(stage):
    """Resets while the server's answers have nowhere to go."""
    peer = stage.peer(receive_buffer=4096)
    peer.flood(b"".join(stage.script.large_messages()), stage.settle)
    peer.reset()
    stage.settle()
    stage.converse(stage.peer())


@scenario("abrupt-exit", "tcp")
def _(stage):
    """Peers that leave within a message, or with answers unread."""
    for _ in stage.script.conversations:
        peer = stage.peer()
        first = peer.messages[0]
        stage.say(peer, first[: len(first) // 2])
        peer.close()
        stage.settle()

        peer = stage.peer()
        peer.reading = False
        stage.say(peer, b"".join(peer.messages))
        peer.close()
        stage.settle()
    stage.converse(stage.peer())


@scenario("large", "tcp")
def _(stage):
    """Far more than any buffer holds."""
    peer = stage.peer()
    peer.send(b"".join(stage.script.large_messages()), last=True)
    peer.read_to_end()


@scenario("garbage", "tcp")
def _(stage):
    """Bytes that mean nothing, whatever the protocol."""
    noise = random.Random(0)
    for size in (1, 2, 64, 1024, 1025):
        for data in (bytes(size), b"\xff" * size, noise.randbytes(size)):
            peer = stage.peer()
            stage.say(peer, data)
            peer.half_close()
            peer.read_to_end()
    stage.converse(stage.peer())


@scenario("slow-peer", "tcp")
def _(stage):
    """One byte at a time."""
    peer = stage.peer()
    for byte in b"".join(peer.messages)[:60]:
        stage.say(peer, bytes([byte]))
    peer.half_close()
    peer.read_to_end()


@scenario("many-peers", "tcp", ordered=False)
def _(stage):
    """Fifty peers at once, a message of each per round."""
    peers = [stage.peer() for _ in range(MANY)]
    for turn in range(max(len(peer.messages) for peer in peers)):
        for peer in peers:
            for message in peer.messages[turn : turn + 1]:
                peer.send(message)
        stage.settle()
    for number, peer in enumerate(peers):
        if number % 3 == 0:
            peer.half_close()
        elif number % 3 == 1:
            peer.close()
        else:
            peer.reset()
    stage.settle()


@scenario("reconnects", "tcp")
def _(stage):
    """A peer that comes back again and again."""
    for _ in range(20):
        peer = stage.peer()
        for message in peer.messages[:1]:
            stage.say(peer, message)
        peer.close()
        stage.settle()


def _in_mid_operation(stage):
    """Leaves peers behind that are silent, within a message, answered, flooded
    with answers, and gone with no goodbye."""
    silent = stage.peer(at_once=True)
    within = stage.peer(at_once=True)
    stage.say(within, within.messages[0][:-1] or within.messages[0])
    answered = stage.peer(at_once=True)
    stage.say(answered, answered.messages[0])
    flooded = stage.peer(at_once=True, receive_buffer=4096)
    flooded.flood(b"".join(stage.script.large_messages()), stage.settle)
    return [silent, within, answered], flooded


def _stop_in_mid_operation(how):
    def play(stage):
        """The end, while operations of every kind are pending."""
        peers, flooded = _in_mid_operation(stage)
        stage.program.stop(how)
        for peer in peers:
            peer.read_to_end()
        flooded.await_end()

    return play


for _how in ("unwind", "sigterm", "sigint"):
    scenario(f"{_how}-in-mid-operation", "tcp", stop=_how, ordered=False)(
        _stop_in_mid_operation(_how)
    )


@scenario("echo", "udp")
def _(stage):
    """Datagrams one by one."""
    for _ in stage.script.conversations:
        stage.converse(stage.peer())


@scenario("sizes", "udp")
def _(stage):
    """Empty datagrams, and some larger than the server's buffer."""
    peer = stage.peer()
    for size in (1, 0, 2, 0, 0, 1023, 1024, 1025, 4096, 65507, 3):
        stage.say(peer, bytes(n % 251 for n in range(size)))


@scenario("garbage", "udp")
def _(stage):
    """Datagrams that mean nothing, whatever the protocol."""
    noise = random.Random(0)
    peer = stage.peer()
    for size in (1, 7, 64, 500, 1024):
        for data in (bytes(size), b"\xff" * size, noise.randbytes(size)):
            stage.say(peer, data)
    stage.converse(stage.peer())


@scenario("many-sources", "udp", ordered=False)
def _(stage):
    """Fifty sources, interleaved."""
    peers = [stage.peer() for _ in range(MANY)]
    for turn in range(max(len(peer.messages) for peer in peers)):
        for peer in peers:
            for message in peer.messages[turn : turn + 1]:
                peer.send(message)
        stage.settle()


@scenario("burst", "udp")
def _(stage):
    """Many datagrams of one source before any answer is taken."""
    peer = stage.peer()
    for number in range(40):
        peer.send(f"datagram {number}".encode() * (number % 5))
    stage.settle()


@scenario("vanishing-source", "udp")
def _(stage):
    """A source that is gone when the answer comes."""
    for _ in range(5):
        peer = stage.peer()
        peer.send(peer.messages[0])
        peer.close()
        stage.settle()
    stage.converse(stage.peer())


for _how in ("sigterm", "sigint"):

    @scenario(_how, "udp", stop=_how)
    def _(stage):
        """The end, between two datagrams."""
        stage.converse(stage.peer())


def _served(stage):
    """The program's connection, after it has typed what it has to say."""
    peer = stage.peer()
    stage.settle()
    stage.program.type(stage.script.stdin.encode("latin-1"))
    stage.settle()
    return peer


@scenario("serve", "tcp-client")
def _(stage):
    """The server talks and closes."""
    peer = _served(stage)
    stage.converse(peer)
    peer.close()
    stage.settle()


@scenario("serve-at-once", "tcp-client")
def _(stage):
    """The server says everything in one go, then no more."""
    peer = stage.peer()
    peer.send(b"".join(peer.messages), last=True)
    peer.read_to_end()
    stage.settle()


@scenario("serve-slowly", "tcp-client")
def _(stage):
    """One byte at a time."""
    peer = _served(stage)
    for byte in b"".join(peer.messages)[:60]:
        stage.say(peer, bytes([byte]))
    peer.half_close()
    stage.settle()


@scenario("close-at-once", "tcp-client")
def _(stage):
    """The server closes without a word."""
    peer = stage.peer()
    stage.settle()
    peer.close()
    stage.settle()


@scenario("reset", "tcp-client")
def _(stage):
    """The server resets the connection within a message."""
    peer = _served(stage)
    stage.say(peer, peer.messages[0][:-1] or peer.messages[0])
    peer.reset()
    stage.settle()


@scenario("end-of-input", "tcp-client")
def _(stage):
    """Nobody types any more."""
    peer = _served(stage)
    stage.converse(peer)
    stage.program.end_typing()
    stage.settle()


for _how in ("unwind", "sigterm"):

    @scenario(f"{_how}-in-mid-operation", "tcp-client", stop=_how)
    def _(stage):
        """The end, while the server is silent."""
        peer = _served(stage)
        stage.say(peer, peer.messages[0])


for _kind in ("tcp", "udp"):
    ALL += [
        Scenario(
            "unwind-before-any-peer",
            _kind,
            "The event loop fails at its first wait.",
            stop_at_first_wait=True,
        ),
        Scenario(
            "port-taken",
            _kind,
            "The program cannot have its port.",
            port_taken=True,
        ),
    ]


ALL += [
    Scenario(
        "refused", "tcp-client", "Nobody listens.", Stage.settle, refused=True
    ),
    Scenario(
        "unwind-before-any-peer",
        "tcp-client",
        "The event loop fails at its first wait.",
        stop_at_first_wait=True,
    ),
]


def _fatal(number, messages, kind):
    def play(stage):
        bystander = stage.peer()
        stage.converse(bystander)
        peer = stage.peer()
        for message in messages:
            stage.say(peer, message)

    summary = f"What ends the whole program: {messages}."
    return Scenario(f"fatal-{number}", kind, summary, play, ordered=False)


def of_kind(kind, script):
    """The scenarios for programs of KIND, in the order they are played."""
    if kind != "plain":
        fatal = [
            _fatal(number, messages, kind)
            for number, messages in enumerate(script.fatal_talks())
        ]
        played = PLAYED_AS.get(kind, kind)
        return [
            dataclasses.replace(s, kind=kind)
            for s in ALL
            # A path is taken from whoever has it.
            if s.kind == played and not (s.port_taken and kind == "local")
        ] + fatal
    runs = [
        Scenario(
            f"run-{number}",
            kind,
            f"Arguments {run.args}.",
            args=tuple(run.args),
            stdin=run.stdin.encode("latin-1"),
        )
        for number, run in enumerate(script.run)
    ]
    unwind = dataclasses.replace(
        runs[0],
        name="unwind-at-first-wait",
        summary="The event loop, if there is one, fails at its first wait.",
        stop_at_first_wait=True,
    )
    return [*runs, unwind]
