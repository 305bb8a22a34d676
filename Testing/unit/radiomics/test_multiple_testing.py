from __future__ import annotations

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.multiple_testing import adjust, benjamini_hochberg, bonferroni, holm


def test_four_p_values_by_hand_whatever_their_order():
    p = [0.03, 0.01, 0.04, 0.02]
    np.testing.assert_allclose(bonferroni(p), [0.12, 0.04, 0.16, 0.08])
    np.testing.assert_allclose(holm(p), [0.06, 0.04, 0.06, 0.06])  # 4 x .01, 3 x .02, 2 x .03, then never smaller
    np.testing.assert_allclose(benjamini_hochberg(p), [0.04, 0.04, 0.04, 0.04])


def test_adjusted_values_stop_at_one_and_keep_their_shape():
    adjusted = holm([[0.6, 0.9], [0.001, 0.5]])
    np.testing.assert_allclose(adjusted, [[1.0, 1.0], [0.004, 1.0]])


def test_a_test_that_could_not_be_done_is_not_counted():
    np.testing.assert_allclose(bonferroni([0.01, np.nan, 0.02]), [0.02, np.nan, 0.04])
    assert np.isnan(holm([np.nan])).all()


def test_no_correction_returns_the_values():
    np.testing.assert_array_equal(adjust([0.2, 0.1], "none"), [0.2, 0.1])


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh"), ("bonferroni", "bonferroni")])
def test_as_statsmodels(ours, theirs):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(4).beta(0.4, 2.0, size=200)
    np.testing.assert_allclose(adjust(p, ours), multitest.multipletests(p, method=theirs)[1], rtol=1e-12)


def test_bad_values_are_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.1, 1.2])
    with pytest.raises(InputError, match="no correction named sidak"):
        adjust([0.1], "sidak")
