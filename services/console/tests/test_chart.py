from sixfold.console.pages import chart


def test_a_line_needs_two_values() -> None:
    assert chart.line([1.0], ["a"]) is None
    drawn = chart.line([0.0, 10.0, 5.0], ["a", "b", "c"], unit="/s")
    assert drawn.points == "0.0,120.0 300.0,8.0 600.0,64.0"
    assert drawn.top == "10/s"
    assert (drawn.first, drawn.last) == ("a", "c")


def test_a_line_of_zeros_lies_on_the_ground() -> None:
    assert chart.line([0.0, 0.0], ["a", "b"]).points == "0.0,120.0 600.0,120.0"


def test_short_figures() -> None:
    assert [chart.short(value) for value in (0, 7, 999.4, 1500, 2_345_678, 1e10, 0.25)] == [
        *("0", "7", "999", "1.5k", "2.35M", "10G", "0.25")
    ]
    assert chart.byte_count(2048) == "2.05kB"
    assert chart.percent(0.4567) == "45.7 %"
