"""Scripted peers and what they saw.

A transcript lists what a peer did and received, in order. How TCP cut a stream
into segments is no behaviour of a program: bytes received between two actions
of the peer are one entry. Datagrams stay separate.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import random
import select
import socket
import ssl
import struct
import tempfile
import time

HOST = "127.0.0.1"
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_SHOWN = 60  # bytes of a payload that a transcript shows
_CHUNK = 1 << 16
_MUCH = 1 << 26  # bytes that no two socket buffers hold


class Transcript:
    def __init__(self):
        self._entries = []

    def note(self, what):
        self._entries.append((what, None))

    def sent(self, data, what="sends"):
        self._entries.append((what, bytes(data)))

    def received(self, data):
        if not self._entries or self._entries[-1][0] != "receives":
            self._entries.append(("receives", bytearray()))
        self._entries[-1][1].extend(data)

    def received_datagram(self, data):
        self._entries.append(("receives datagram", bytes(data)))

    def lines(self):
        return [
            what if data is None else f"{what} {_describe(data)}"
            for what, data in self._entries
        ]


def _describe(data):
    text = repr(bytes(data[:_SHOWN]))[1:]
    if len(data) <= _SHOWN:
        return f"{len(data)} bytes: {text}"
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"{len(data)} bytes: {text}... sha256 {digest}"


def connect(kind, port, timeout, receive_buffer=None):
    """A connection to the program; PORT is a path if it is local."""
    local = kind == "local"
    family = socket.AF_UNIX if local else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_STREAM)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.settimeout(timeout)
    if not local:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.connect(port if local else (HOST, port))
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        peer = context.wrap_socket(peer)
    return peer


def accept(kind, listener, timeout, files):
    """A connection from the program. FILES has the certificate, if it needs
    one: server.pem."""
    listener.settimeout(timeout)
    peer, _ = listener.accept()
    peer.settimeout(timeout)
    if kind == "tls-client":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files / "server.pem", password="test")
        peer = context.wrap_socket(peer, server_side=True)
    return peer


class TcpPeer:
    """One end of a connection; the other is the program's. Receives into its
    transcript whenever it is drained."""

    def __init__(self, begin, timeout, log):
        """BEGIN() makes the connection."""
        self.log = log
        self._timeout = timeout
        self._open = True
        self.reading = True
        self.remote_port = self.local_port = None
        try:
            self._socket = begin()
        except OSError as error:
            log.note(f"cannot connect: {_name(error)}")
            self._open = False
            return
        log.note("connects")
        self._socket.setblocking(False)
        if self._socket.family == socket.AF_INET:
            self.local_port = self._socket.getsockname()[1]
            self.remote_port = self._socket.getpeername()[1]

    def send(self, data, last=False):
        """Sends all of DATA, receiving meanwhile what comes back. With LAST,
        shuts down sending behind it, as one action of the transcript."""
        if not self._open:
            return
        self.log.sent(data, "sends for the last time" if last else "sends")
        left = memoryview(data)
        deadline = time.monotonic() + self._timeout
        while left and self._open:
            if time.monotonic() > deadline:
                self.log.note("cannot send the rest")
                return
            select.select([self._socket], [self._socket], [], 0.1)
            try:
                left = left[self._socket.send(left[:_CHUNK]) :]
            except _BLOCKED:
                pass
            except OSError as error:
                self.log.note(f"cannot send: {_name(error)}")
                return
            self.drain()
        if last and self._open:
            self._end_sending()

    def flood(self, data, settle):
        """Sends DATA again and again without receiving, until nothing more
        fits. How much that is depends on the kernel and is not recorded; a
        program that keeps what it cannot send is given _MUCH."""
        self.reading = False
        if not self._open:
            return
        self.log.note("sends without receiving until nothing more fits")
        pending = memoryview(data)
        left = _MUCH
        stalled = False
        while not stalled:
            try:
                while left > 0:
                    sent = self._socket.send(pending)
                    left -= sent
                    pending = pending[sent:] or memoryview(data)
                self.log.note("all of that fits")
                settle()
                return
            except _BLOCKED:
                settle()
                stalled = not select.select([], [self._socket], [], 0)[1]
            except OSError as error:
                self.log.note(f"cannot send: {_name(error)}")
                return

    def drain(self):
        """Takes what has arrived; returns whether anything did."""
        arrived = False
        while self._open and self.reading:
            try:
                data = self._socket.recv(_CHUNK)
            except _BLOCKED:
                break
            except OSError as error:
                self.log.note(_name(error))
                self._open = False
                return True
            if not data:
                self.log.note("receives the end of the stream")
                self._open = False
                return True
            self.log.received(data)
            arrived = True
        return arrived

    def read_to_end(self):
        """Receives until the stream ends, or says that it does not."""
        deadline = time.monotonic() + self._timeout
        while self._open:
            left = deadline - time.monotonic()
            if left <= 0:
                self.log.note("the stream does not end")
                return
            select.select([self._socket], [], [], left)
            self.drain()

    def await_end(self):
        """Like read_to_end, for a flooded connection: only that it ends is
        recorded, as how much arrived and whether it ends by a reset depends on
        what the kernel had buffered."""
        deadline = time.monotonic() + self._timeout
        ended = not self._open
        while not ended and time.monotonic() < deadline:
            select.select([self._socket], [], [], 0.1)
            try:
                ended = not self._socket.recv(_CHUNK)
            except _BLOCKED:
                pass
            except OSError:
                ended = True
        self.log.note("the connection ends" if ended else "... does not end")

    def half_close(self):
        if self._open:
            self.log.note("shuts down sending")
            self._end_sending()

    def _end_sending(self):
        # Under TLS, too, receiving goes on; it tells of a reset meanwhile.
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def close(self):
        if self._open:
            self.log.note("closes")
        self.dispose()

    def reset(self):
        """Closes with a reset instead of an orderly end."""
        if self._open:
            self.log.note("resets")
            self._socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self.dispose()

    def dispose(self):
        if self._open:
            self._socket.close()
        self._open = False


class UdpPeer:
    """A source of datagrams."""

    def __init__(self, port, timeout, log):
        self.log = log
        self._server = (HOST, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self._open = True
        self.local_port = self._socket.getsockname()[1]
        self.remote_port = port

    def send(self, data):
        self.log.sent(data, "sends datagram")
        try:
            self._socket.sendto(data, self._server)
        except OSError as error:
            self.log.note(f"cannot send: {_name(error)}")

    def drain(self):
        arrived = False
        while self._open:
            try:
                self.log.received_datagram(self._socket.recv(_CHUNK))
            except BlockingIOError:
                break
            except OSError as error:
                self.log.note(_name(error))
            arrived = True
        return arrived

    def close(self):
        self.log.note("closes")
        self.dispose()

    def dispose(self):
        self._open = False
        self._socket.close()


def _name(error):
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return "the connection is reset"
    return errno.errorcode.get(error.errno, str(error)) if error.errno else (
        "timed out"
    )


def _rows(protocol):
    with open(f"/proc/net/{protocol}", encoding="ascii") as table:
        next(table)
        for row in table:
            yield row.split(maxsplit=5)


def _port(address):
    return int(address.rpartition(":")[2], 16)


def table_of(kind, port):
    """The name of the kernel's table in which a program listens on PORT (TCP)
    or has it bound (UDP), or None while there is none."""
    if kind == "local":
        return "unix" if os.path.exists(port) else None
    state = "07" if kind == "udp" else "0A"
    suffix = f":{port:04X}"
    for table in ("udp", "udp6") if kind == "udp" else ("tcp", "tcp6"):
        for row in _rows(table):
            if row[1].endswith(suffix) and row[3] == state:
                return table
    return None


def has_unread(table, port, end="local"):
    """Whether the kernel holds input or connections for the program, whose
    LOCAL end has PORT, or whose REMOTE end does; or has them on their way."""
    if table == "unix":
        return True  # It may: this table does not say.
    suffix = f":{port:04X}"
    column = {"local": 1, "remote": 2}[end]
    for row in _rows(table):
        unacknowledged, unread = row[4].split(":")
        if row[column].endswith(suffix) and int(unread, 16):
            return True
        if table.startswith("tcp") and int(unacknowledged, 16):
            if row[1].endswith(suffix) or row[2].endswith(suffix):
                return True
    return False


def free_port(kind):
    """A port nobody uses, outside the range of outgoing connections."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        if taken := occupy(kind, port):
            taken.close()
            return port
    raise OSError("no free port between 20000 and 32000")


def occupy(kind, port):
    """A socket that has PORT, and listens, while it lives; None when somebody
    else was faster."""
    type_ = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    taken = socket.socket(socket.AF_INET, type_)
    try:
        if type_ == socket.SOCK_STREAM:
            # Connections of earlier runs that are still winding down do not
            # count.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        if type_ == socket.SOCK_STREAM:
            taken.listen()
    except OSError:
        taken.close()
        return None
    return taken


@contextlib.contextmanager
def alone_with(port):
    """Keeps other runs of this harness from PORT meanwhile."""
    path = os.path.join(tempfile.gettempdir(), f"differential-port-{port}")
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
