"""Makes the files of a new check or rewrite from the templates."""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def fail(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: error: {message}")


def main(kind, folder, prefix):
    """new-KIND NAME: source, page and test, below --root."""
    parser = argparse.ArgumentParser(
        description=f"Makes the source, the page and the test of a new {kind}."
    )
    parser.add_argument("name", help="the defect or pattern, in lower case with hyphens")
    parser.add_argument(
        "--root", type=pathlib.Path, default=HERE.parents[1], help="where the project is"
    )
    arguments = parser.parse_args()

    name = arguments.name.removeprefix(prefix)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        fail(f"'{name}' is no name; write words in lower case, with hyphens between them")
    words = name.split("-")
    version = re.search(r"VERSION (\d+\.\d+)", (HERE.parents[1] / "CMakeLists.txt").read_text())
    values = {
        "ID": prefix + name,
        "CLASS": "".join(word.capitalize() for word in words),
        "SNAKE": "_".join(words),
        "VERSION": version[1],
    }
    places = {
        "cpp": f"lib/{folder}/{values['CLASS']}.cpp",
        "md": f"docs/{folder.lower()}/{values['ID']}.md",
        "test": f"test/{folder}/{values['ID']}.test",
    }
    for place in places.values():
        if (arguments.root / place).exists():
            fail(f"{place} is there already; choose another name")
    for suffix, place in places.items():
        text = (HERE / "templates" / f"{kind}.{suffix}").read_text()
        text = re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], text)
        path = arguments.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(place)
