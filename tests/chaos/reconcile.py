"""Compares three ledgers: what callers saw, what the gateway logged, what providers saw.

    python -m tests.chaos.reconcile DIRECTORY

The directory holds `sent.jsonl` and `ended.jsonl` (callers), `gateway.log` (access log, level debug) and
`upstream.jsonl` (requests that reached the mock or a proxy). Prints every contradiction; exit status 1.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switch_grpc.faults import RULES, Kind
from tests.chaos.faults import BROKEN, BY_NAME, OK

GRACE = 1.0  # seconds after its deadline within which a call must have ended
TOKENS = 6  # of a whole answer
_TOKEN = re.compile(r"(\S+):(\d+) ")
# Attempts that end so may never have reached anybody; every other one is in the upstream's ledger.
_UNSEEN = {"UPSTREAM_UNREACHABLE", "UPSTREAM_TLS"}
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ledgers:
    sent: Sequence[Line]
    ended: Sequence[Line]
    log: Sequence[Line]
    upstream: Sequence[Line]


def contradictions(ledgers: Ledgers) -> Iterator[str]:
    """One sentence each, beginning with the request's id."""
    logged = _by_id(line for line in ledgers.log if line["event"] == "call")
    attempts = _by_id(line for line in ledgers.log if line["event"] == "attempt")
    seen = _by_id(ledgers.upstream)
    ended = _by_id(ledgers.ended)
    sent = _by_id(ledgers.sent)
    for key, lines in sent.items():
        if len(lines) != 1:
            yield f"{key}: sent {len(lines)} times under one id"
        if len(ended[key]) != 1:
            yield f"{key}: ended {len(ended[key])} times"
            continue
        call = ended[key][0]
        problems = (
            *_terminal(call),
            *_outcome(call),
            *_content(call, seen[key]),
            *_account(call, logged[key], attempts[key]),
            *_attempts(attempts[key], seen[key]),
        )
        for problem in problems:
            yield f"{key}: {problem} ({call['cell']})"
    for name, found in (("ended", ended), ("logged", logged), ("attempted", attempts), ("upstream", seen)):
        for key in sorted(found.keys() - sent.keys()):
            yield f"{key}: {name}, but nobody sent it"


def _terminal(call: Line) -> Iterator[str]:
    if call["terminals"] != 1:
        yield f"{call['terminals']} terminals, the last {call['outcome']}"
    if call["took"] > call["deadline"] + GRACE:
        yield f"ended {call['took'] - call['deadline']:.1f} s after its deadline"


def _outcome(call: Line) -> Iterator[str]:
    """With another target to ask, success, unless a part of the answer was out; without, the exact code."""
    fault = BY_NAME[call["fault"]]
    kinds = fault.stream if call["stream"] else fault.unary
    if call["fallback"] and fault.moves:
        begun = call["stream"] and BROKEN in kinds and call["text"]
        kinds = frozenset({OK, BROKEN} if begun else {OK})
    if not any(_is(call, kind, fault.http) for kind in kinds):
        wanted = ", ".join(sorted(kinds))
        yield f"the caller heard {call['outcome']} (HTTP {call['http']}) instead of {wanted}"


def _is(call: Line, kind: str, status: int | None) -> bool:
    """Whether what the caller heard is this kind of fault, or OK."""
    heard = call["outcome"]
    if kind == OK or call["door"] == "grpc":
        return bool(heard == kind)
    rule = RULES[Kind(kind)]
    if call["http"] not in (status or rule.http, 200 if call["text"] else None):
        return False
    return rule.openai_code is None or bool(heard == rule.openai_code)


def _content(call: Line, seen: Sequence[Line]) -> Iterator[str]:
    """All tokens, in order, of one attempt that the provider knows; a prefix of them where it failed."""
    text, whole = call["text"], call["outcome"] == OK
    tokens = _TOKEN.findall(text)
    if text != "".join(f"{attempt}:{number} " for attempt, number in tokens):
        yield f"bytes that no provider sent: {text!r}"
    sources = {attempt for attempt, _ in tokens}
    if len(sources) > 1:
        yield f"an answer mixed from {sorted(sources)}"
    if not sources <= {line.get("attempt") for line in seen}:
        yield f"an answer of {sorted(sources)}, which is another request's"
    if [int(number) for _, number in tokens] != list(range(len(tokens))):
        yield f"tokens lost, doubled or out of order: {text!r}"
    if whole and (len(tokens) != TOKENS or not call["finished"]):
        yield f"told as complete with {len(tokens)} of {TOKENS} tokens"


def _account(call: Line, logged: Sequence[Line], attempts: Sequence[Line]) -> Iterator[str]:
    """The access log tells the same story as the caller."""
    if len(logged) != 1:
        yield f"{len(logged)} lines in the access log"
        return
    told = logged[0].get("fault", OK)
    if not _is(call, told, logged[0]["status"]):
        yield f"the access log says {told}, the caller heard {call['outcome']}"
    if logged[0].get("attempts", len(attempts)) != len(attempts):
        yield f"the access log says {logged[0]['attempts']} attempts, and has {len(attempts)}"


def _attempts(attempts: Sequence[Line], seen: Sequence[Line]) -> Iterator[str]:
    """What providers saw is what was attempted, no more and no less."""
    made = Counter(line["target"] for line in attempts)
    unseen = Counter(line["target"] for line in attempts if line["fault"] in _UNSEEN)
    came = Counter(line["target"] for line in seen)
    for target in made.keys() | came.keys():
        if not made[target] - unseen[target] <= came[target] <= made[target]:
            yield f"{made[target]} attempts at {target}, which saw {came[target]}"


def _by_id(lines: Iterable[Line]) -> defaultdict[str, list[Line]]:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line["id"]].append(line)
    return found


def read(directory: Path) -> Ledgers:
    """The ledgers of a run. Of the log, the lines about its requests: probes and warm-up have other ids."""
    log = [line for line in _lines(directory / "gateway.log") if str(line.get("id", "")).startswith("rq-")]
    names = ("sent", "ended", "upstream")
    sent, ended, upstream = (list(_lines(directory / f"{name}.jsonl")) for name in names)
    return Ledgers(sent, ended, log, upstream)


def _lines(path: Path) -> Iterator[Line]:
    for line in path.read_text().splitlines():
        if line.startswith("{"):  # the gateway's log also has what it prints at its start
            yield json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    found = list(contradictions(read(parser.parse_args().directory)))
    print("\n".join(found) or "the ledgers agree")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
