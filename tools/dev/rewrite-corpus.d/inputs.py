"""What is rewritten: the example programs of Debian's documentation packages."""

import dataclasses
import fnmatch
import gzip
import pathlib
import re
import shutil

from toolchain import CHECKOUT

_DOC = pathlib.Path("/usr/share/doc")
_BOOST = _DOC / "libboost1.81-doc/examples/libs"

# Name -> the directory whose programs bear it.
COLLECTIONS = {
    "asio": _DOC / "libasio-dev/examples",
    "boost": _BOOST / "asio/example",
    "coroutine": _BOOST / "coroutine/example",
}

# Below the collections; programs for Windows are no input.
WANTED = {
    "asio": ("cpp03", "cpp11", "cpp14"),
    "boost": ("cpp03", "cpp11", "cpp14"),
    "coroutine": ("asymmetric",),
}
_LEFT_OUT = ("*/windows/*",)

# These have nothing to convert, however much they look like it.
CONTROLS = ("*/blocking_*", "*/iostreams/*", "*/socks4/*")

_INCLUDE = f"-I{CHECKOUT / 'runtime' / 'include'}"
TARGETS = {"coral": (), "asio": ("-DASIO_HAS_CO_AWAIT", "-DASIO_HAS_STD_COROUTINE")}

# Standalone Asio has placeholders for Boost.Bind only when it may use Boost.
_WITH_BOOST = "asio/cpp03/"

_LIBRARIES = {
    r"boost/(asio/spawn|coroutine)|asio/spawn": ("boost_coroutine", "boost_context"),
    r"boost/(thread|chrono)": ("boost_thread",),
    r"boost/(archive|serialization)": ("boost_serialization",),
    r"(boost/)?asio/ssl": ("ssl", "crypto"),
}

_COPIED = {".cpp", ".hpp", ".ipp", ".h", ".pem"}


@dataclasses.dataclass(frozen=True)
class Input:
    """A program: the sources of one folder that are linked with one main()."""

    name: str
    folder: pathlib.Path
    sources: tuple

    @property
    def is_control(self):
        return matches(self.name, CONTROLS)

    def flags(self, target):
        """What its sources are compiled with, but for the language."""
        boost = self.name.startswith(_WITH_BOOST)
        own = ("-DASIO_ENABLE_BOOST",) if boost else ()
        return (_INCLUDE, *own, *TARGETS[target])

    def libraries(self):
        text = "".join(
            _text(path) for path in self.folder.iterdir() if path.suffix in _COPIED
        )
        return tuple(
            f"-l{library}"
            for pattern, libraries in _LIBRARIES.items()
            if re.search(rf"#\s*include [<\"]({pattern})", text)
            for library in libraries
        )

    def copy(self, to):
        """Its folder, with what the package compressed taken out."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for path in self.folder.iterdir():
            if path.suffix in _COPIED:
                shutil.copy(path, to)
            elif path.suffix == ".gz" and pathlib.Path(path.stem).suffix in _COPIED:
                (to / path.stem).write_bytes(gzip.decompress(path.read_bytes()))


def matches(name, globs):
    return any(fnmatch.fnmatch(name, glob) for glob in globs)


def _text(path):
    return path.read_text(encoding="utf-8", errors="replace")


def _has_main(path):
    return bool(re.search(r"^\s*(int|void)\s+main\s*\(", _text(path), re.M))


def _named(path):
    for name, folder in COLLECTIONS.items():
        if folder in path.parents:
            return f"{name}/{path.relative_to(folder).with_suffix('')}"
    return str(path.with_suffix("")).strip("/")


def _below(folder):
    """Sources without a main belong to each program of their folder."""
    sources = sorted(folder.rglob("*.cpp"))
    for main in filter(_has_main, sources):
        shared = [s for s in sources if s.parent == main.parent and not _has_main(s)]
        one_program = main.name == "main.cpp" and shared
        name = _named(main.parent if one_program else main)
        yield Input(name, main.parent, (main.name, *(s.name for s in shared)))


def installed():
    """Every program of the corpus."""
    found = [
        each
        for collection, folders in WANTED.items()
        for folder in folders
        for each in _below(COLLECTIONS[collection] / folder)
    ]
    return [each for each in found if not matches(each.name, _LEFT_OUT)]


def chosen(words):
    """What WORDS name: directories, source files, or globs over names."""
    everything = installed()
    if not words:
        return everything
    result = {}
    for word in words:
        path = pathlib.Path(word).resolve()
        if path.is_dir():
            found = list(_below(path))
        elif path.is_file():
            found = [each for each in _below(path.parent) if path.name in each.sources]
        else:
            found = [each for each in everything if fnmatch.fnmatch(each.name, word)]
        if not found:
            raise LookupError(f"no program in '{word}'")
        result.update((each.name, each) for each in found)
    return list(result.values())
