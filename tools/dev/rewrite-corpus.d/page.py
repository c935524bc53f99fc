"""docs/rewrites/corpus.md."""

import collections

from inputs import CONTROLS, TARGETS, installed, matches
from judge import faults

_HEAD = """\
# The corpus

What `coral rewrite` makes of programs that nobody here wrote: those with callbacks, and controls without any, that Debian's `libasio-doc`
and `libboost1.81-doc` install. `tools/dev/rewrite-corpus --write` made this page; what has not been tried is listed last.

- **Initiations**: the calls that start an operation with a handler, as the report of the rewrite counts them, and how many of them became
  a `co_await` or a spawn. The others are refused, for the reasons that are named.
- **Compiles**: the rewritten program, with clang-22 and with g++-12.
- **Behaves**: it and its original, played the same scenarios by `tools/dev/differential`, show the same. "not driven": nobody has said how to
  talk to it. "unstable": the original does not agree with itself.
- **Lints**: `coral lint` says nothing of it that it did not say of the original.
- **Idempotent**: rewriting it again changes nothing.

A program whose every initiation is refused comes out as it was, byte by byte; so does one without any.
"""


def brief(verdict):
    """A verdict on one line."""
    found = faults(verdict)
    state = verdict["state"]
    if state in ("failed", "broken"):
        return ", ".join(["does not parse" if state == "broken" else state, *found])
    text = f"{verdict['converted']} of {verdict['initiations']}"
    if verdict["refused"]:
        text += f" ({_reasons(verdict['refused'])})"
    if state == "converted":
        text += f", behaves: {verdict['behaves']}"
    return ", ".join([text, *(fault.upper() for fault in found)])


def _reasons(refused):
    return ", ".join(
        f"{count} {reason}"
        for reason, count in sorted(refused.items(), key=lambda i: (-i[1], i[0]))
    )


def _row(cells):
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _table(head, rows):
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _sums(verdicts):
    """One column per target."""
    counts = {target: collections.Counter() for target in TARGETS}
    for (_, target), verdict in verdicts.items():
        count = counts[target]
        count["Programs"] += 1
        if verdict["state"] == "broken":
            count["do not parse as C++20"] += 1
        if not verdict.get("initiations"):
            continue
        count["with initiations"] += 1
        done, all_ = verdict["converted"], verdict["initiations"]
        count["converted wholly" if done == all_ else "in part" if done else "not at all"] += 1
        count["Initiations"] += all_
        count["converted"] += done
        if verdict["state"] == "converted":
            count["Rewritten programs"] += 1
            count["compile with clang-22"] += verdict["clang"] == "yes"
            count["compile with g++-12"] += verdict["gcc"] == "yes"
            count["behave"] += verdict["behaves"] == "yes"
            count["misbehave"] += verdict["behaves"] == "no"
            count["not driven or unstable"] += verdict["behaves"] not in ("yes", "no")
            count["lint clean"] += verdict["lints"] == "yes"
            count["idempotent"] += verdict["idempotent"] == "yes"
        count["Negative controls that changed"] += (
            verdict["control"] and verdict["state"] == "converted"
        )
    lines = [
        "Programs", "do not parse as C++20", "with initiations", "converted wholly",
        "in part", "not at all", "Initiations", "converted", "Rewritten programs",
        "compile with clang-22", "compile with g++-12", "behave", "misbehave",
        "not driven or unstable", "lint clean", "idempotent",
        "Negative controls that changed",
    ]
    return _table(
        ["", *TARGETS], [[line, *(counts[t][line] for t in TARGETS)] for line in lines]
    )


def _refusals(verdicts):
    counts = collections.defaultdict(collections.Counter)
    for (_, target), verdict in verdicts.items():
        for reason, count in verdict.get("refused", {}).items():
            counts[reason][target] += count
    rows = [
        [f"`{reason}`", *(count[target] for target in TARGETS)]
        for reason, count in sorted(
            counts.items(), key=lambda item: (-item[1].total(), item[0])
        )
    ]
    return _table(["refused for", *TARGETS], rows)


def _judged(name, target, verdict):
    cells = [name, target, f"{verdict['converted']} of {verdict['initiations']}"]
    cells.append(_reasons(verdict["refused"]))
    if verdict["state"] != "converted":
        return cells + ["–"] * 5
    return cells + [verdict[key] for key in ("clang", "gcc", "behaves", "lints", "idempotent")]


def write(path, shelf):
    names = [each.name for each in installed()]
    verdicts = {
        (name, target): verdict
        for name in names
        for target in TARGETS
        if (verdict := shelf.get(name, target))
    }
    lines = [_HEAD, "## Sums", "", *_sums(verdicts), "", *_refusals(verdicts), ""]
    lines += ["## Programs", ""]
    head = ["program", "target", "initiations", "refused", "clang-22", "g++-12"]
    head += ["behaves", "lints", "idempotent"]
    rows, idle, broken = [], [], []
    for (name, target), verdict in verdicts.items():
        if verdict["state"] == "broken":
            broken.append(name)
        elif verdict.get("initiations") == 0:
            idle.append(name)
        else:
            rows.append(_judged(name, target, verdict))
    lines += _table(head, rows)
    for title, listed in (
        ("Nothing to convert, and unchanged", idle),
        ("Not valid as C++20, or without a library they need", broken),
        ("Not tried", [n for n in names if not any((n, t) in verdicts for t in TARGETS)]),
    ):
        if listed := list(dict.fromkeys(listed)):
            marked = [n + (" (control)" if matches(n, CONTROLS) else "") for n in listed]
            lines += ["", f"## {title}", "", *(f"- {name}" for name in marked)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
