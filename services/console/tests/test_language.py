import re

import pytest

from sixfold.console.pages import language


def test_both_languages_say_the_same_things() -> None:
    english, chinese = language.load("en").texts, language.load("zh-CN").texts
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert chinese[key].strip(), key
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[key])), key


@pytest.mark.parametrize(
    ("asked", "cookie", "accept", "chosen"),
    [
        (None, None, "", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, None, "fr, en;q=0.7, zh;q=0.8", "zh-CN"),
        (None, "en", "zh-CN", "en"),
        ("zh-CN", "en", "en", "zh-CN"),
        ("klingon", None, "en;q=broken, zh", "zh-CN"),
    ],
)
def test_the_switch_wins_then_the_cookie_then_the_browser(asked, cookie, accept, chosen) -> None:
    assert language.choose(asked, cookie, accept) == chosen
