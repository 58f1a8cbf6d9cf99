import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.local.toml import dump

plain = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]))
)
names = st.from_regex(r"\A[a-z_]{1,8}\Z")
documents = st.dictionaries(names, st.one_of(plain, st.lists(plain), st.dictionaries(names, plain)))


@given(documents)
def test_what_is_written_is_read(document) -> None:
    assert tomllib.loads(dump(document)) == document


def test_paths_and_nested_tables() -> None:
    text = dump({"a": {"b": {"c/d": ["x"]}, "path": Path("/x y")}})
    assert tomllib.loads(text) == {"a": {"b": {"c/d": ["x"]}, "path": "/x y"}}
    with pytest.raises(TypeError, match="date"):
        dump({"a": date(2026, 1, 1)})
