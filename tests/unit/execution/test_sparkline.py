"""Charts made of characters."""

from pyredis_cluster.execution.sparkline import draw


def test_heights_between_the_least_and_the_greatest() -> None:
    chart = draw(range(12), ["1s"] * 12, columns=80, rows=4)
    assert chart.split("\n") == [
        "         _o#",
        "      _o#|||",
        "   _o#||||||",
        "_o#|||||||||",
        "            ",
        "1" * 12,
        "s" * 12,
        "",
    ]


def test_equal_values_lie_on_the_ground() -> None:
    assert draw([7, 7], ["5m", "12m"], columns=80, rows=2).split("\n") == [
        "  ",
        "__",
        "  ",
        "51",
        "m2",
        " m",
        "",
    ]


def test_more_values_than_columns_make_several_charts_in_one_scale() -> None:
    first, second = draw([0, 0, 9], ["a", "b", "c"], columns=2, rows=1).split("\n\n")
    assert first.split("\n") == ["__", "  ", "ab"]
    assert second.split("\n") == ["#", " ", "c", ""]
