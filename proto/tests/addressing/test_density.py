"""RFC 3194 and the RIPE policy of 2005-08."""

import pytest

from sixfold.api.addressing.density import hd_ratio, objects_at, threshold


@pytest.mark.parametrize(
    ("used", "size", "ratio"), [(10**7, 10**8, 0.8750), (10**7, 10**9, 0.7778), (15_000, 2**16, 0.8670)]
)
def test_the_ratios_of_the_rfc(used, size, ratio):
    assert hd_ratio(used, size) == pytest.approx(ratio, abs=5e-5)


@pytest.mark.parametrize(
    ("size", "millions"),
    [(2**32, (51, 154, 192, 240)), (10**9, (16, 45, 55, 68)), (10**10, (100, 316, 400, 500))],
)
def test_the_table_of_the_rfc(size, millions):
    # The RFC rounds; for ten digits to 400 and 500.
    for ratio, wanted in zip((0.80, 0.85, 0.86, 0.87), millions, strict=True):
        assert objects_at(ratio, size) / 1e6 == pytest.approx(wanted, rel=0.025)


@pytest.mark.parametrize(
    ("length", "units"),
    [
        (48, 183), (44, 2486), (40, 33689), (36, 456419), (32, 6183533), (29, 43665786), (28, 83774045),
        (24, 1134964478), (20, 15376413634),
    ],
)  # fmt: skip
def test_the_thresholds_of_ripe(length, units):
    assert threshold(length) == units


def test_the_ends():
    assert (hd_ratio(0, 10), hd_ratio(1, 1), hd_ratio(1, 10), hd_ratio(10, 10)) == (0, 1, 0, 1)
    for used, size in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError):  # noqa: PT011
            hd_ratio(used, size)
    with pytest.raises(ValueError):  # noqa: PT011
        threshold(60)
