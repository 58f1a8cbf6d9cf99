"""The operators' table of detectors is the one of the code."""

from pathlib import Path

from sixfold.security.domain.detectors import BUILT_IN

PAGE = Path(__file__).parents[2] / "docs" / "operators" / "detection.md"
BEGIN, END = "<!-- table -->\n", "<!-- end -->"


def table() -> str:
    rows = [
        f"| `{one.name}` | {one.title} | {one.source} | {one.misses} | {one.technique or '–'} |"
        for one in sorted(BUILT_IN, key=lambda one: one.name)
    ]
    head = "| detector | sees | after | misses | ATT&CK |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def test_the_operators_table_is_that_of_the_code(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = tmp_path / "detection.md"
    wanted.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")
    assert text == wanted.read_text(encoding="utf-8"), f"the page is out of date; as it should be: {wanted}"
