"""docs/reliability.md has the fault table as it is in the code."""

from pathlib import Path

from switch_grpc.faults import RULES, Effect, Same

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
BREAKER = {
    Effect.EXCLUDED: "none",
    Effect.COUNTED: "counts",
    Effect.WINDOW: "window only",
    Effect.PERMANENT: "opens, ladder",
    Effect.PERMANENT_WINDOW: "opens, ladder",
    Effect.LOCAL_OPEN: "opens, 5 min",
}
SAME = {
    Same.NO: "no",
    Same.ONCE: "once",
    Same.YES: "maxRetries",
    Same.PUSHBACK: "after ≤ 2 s, if asked",
    Same.REAUTH: "once, with another key",
}


def test_the_page_has_every_row_as_the_code_has_it():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for kind, rule in RULES.items():
        code = f"`{rule.openai_code}`" if rule.openai_code else "–"
        cells = (kind, rule.code.name, rule.http, code, SAME[rule.same], "yes" if rule.next else "no")
        assert f"| {' | '.join(map(str, cells))} | {BREAKER[rule.effect]} |" in rows
