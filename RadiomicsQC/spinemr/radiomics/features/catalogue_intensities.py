"""First-order features and SpineTK's: formula, IBSI code, unit, remark."""

from __future__ import annotations

Row = tuple[str, str, str, str]

_PERCENTILE = "linear between ranks"
_BINS = "of the bins set by binWidth or binCount"

FIRST_ORDER: dict[str, Row] = {
    "10Percentile": ("P(10)", "QG58", "i", _PERCENTILE),
    "90Percentile": ("P(90)", "8DWT", "i", _PERCENTILE),
    "Energy": ("sum (X + c)^2", "N8CA", "i^2", "grows with the number of voxels; IBSI has no c"),
    "Entropy": ("-sum p_i log2 p_i", "TLU2", "bit", f"{_BINS}; IBSI's intensity histogram entropy"),
    "InterquartileRange": ("P(75) - P(25)", "SALO", "i", ""),
    "Kurtosis": (
        "m_4 / m_2^2",
        "IPH6",
        "1",
        "IBSI's is the excess over the normal distribution, 3 lower; 0 for one intensity",
    ),
    "Maximum": ("max X", "84IY", "i", ""),
    "MeanAbsoluteDeviation": ("sum |X - m| / N", "4FUA", "i", ""),
    "Mean": ("m = sum X / N", "Q4LE", "i", ""),
    "Median": ("P(50)", "Y12H", "i", ""),
    "Minimum": ("min X", "1GSF", "i", ""),
    "Range": ("max X - min X", "2OJQ", "i", ""),
    "RobustMeanAbsoluteDeviation": ("mean absolute deviation of the X from P(10) to P(90), from their own mean", "1128", "i", ""),
    "RootMeanSquared": ("sqrt(sum (X + c)^2 / N)", "5ZWQ", "i", "IBSI has no c"),
    "Skewness": ("m_3 / m_2^1.5", "KE2A", "1", "0 for one intensity"),
    "TotalEnergy": ("v sum (X + c)^2", "", "i^2 mm^3", "Energy times the volume of a voxel; not in IBSI"),
    "Uniformity": ("sum p_i^2", "BJ5W", "1", f"{_BINS}; IBSI's intensity histogram uniformity"),
    "Variance": ("m_2 = sum (X - m)^2 / N", "ECT3", "i^2", "divided by N, not N - 1"),
    "StandardDeviation": ("sqrt(m_2)", "", "i", "on request only: it follows from Variance"),
}

SPINETK: dict[str, Row] = {
    "Skewness": ("sqrt(N (N - 1)) / (N - 2) * m_3 / m_2^1.5", "", "1", "corrected for the sample's size, unlike firstorder's"),
    "Kurtosis": (
        "(N - 1) / ((N - 2)(N - 3)) * ((N + 1)(m_4 / m_2^2 - 3) + 6)", "", "1",
        "excess over the normal distribution, corrected for the size of the sample",
    ),
    "MPP": ("mean of the X above 0", "", "i", "NaN where there are none"),
    "Entropy": ("-sum p log2 p over X rounded to whole numbers", "", "bit", "needs no bin width; meant for images of 0-255"),
}  # fmt: skip
