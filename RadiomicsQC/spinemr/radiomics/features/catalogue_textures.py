"""Features of grey levels and their neighbours: formula, IBSI code, unit, remark."""

from __future__ import annotations

Row = tuple[str, str, str, str]

_SAME = "on request only: another name of"

GLCM: dict[str, Row] = {
    "Autocorrelation": ("sum_ij i j p(i, j)", "QWB0", "1", ""),
    "ClusterProminence": ("sum_ij (i + j - mx - my)^4 p(i, j)", "AE86", "1", ""),
    "ClusterShade": ("sum_ij (i + j - mx - my)^3 p(i, j)", "7NFM", "1", ""),
    "ClusterTendency": ("sum_ij (i + j - mx - my)^2 p(i, j)", "DG8W", "1", "equals IBSI's sum variance OEEB"),
    "Contrast": ("sum_ij (i - j)^2 p(i, j)", "ACUI", "1", ""),
    "Correlation": ("sum_ij (i - mx)(j - my) p(i, j) / (sx sy)", "NI2N", "1", "1 for one level"),
    "DifferenceAverage": ("DA = sum_k k p_d(k)", "TF7R", "1", "equals IBSI's dissimilarity 8S9J"),
    "DifferenceEntropy": ("-sum_k p_d(k) log2 p_d(k)", "NTRS", "bit", ""),
    "DifferenceVariance": ("sum_k (k - DA)^2 p_d(k)", "D3YU", "1", ""),
    "Id": ("sum_k p_d(k) / (1 + k)", "IB1Z", "1", "inverse difference, IBSI's; once named homogeneity 1"),
    "Idm": ("sum_k p_d(k) / (1 + k^2)", "WF0Z", "1", "inverse difference moment; once named homogeneity 2"),
    "Idmn": ("sum_k p_d(k) / (1 + k^2 / Ng^2)", "1QCO", "1", "close to 1 for many levels, where it says little"),
    "Idn": ("sum_k p_d(k) / (1 + k / Ng)", "NDRX", "1", ""),
    "Imc1": (
        "(HXY - HXY1) / max(HX, HY), with HXY1 = -sum_ij p(i, j) log2(p_x(i) p_y(j))", "R8DG", "1",
        "0 where the entropies HX, HY are 0",
    ),
    "Imc2": ("sqrt(1 - exp(-2 (HXY2 - HXY))), with HXY2 = -sum_ij p_x(i) p_y(j) log2(p_x(i) p_y(j))", "JN9H", "1", ""),
    "InverseVariance": ("sum_{k>0} p_d(k) / k^2", "E8JP", "1", ""),
    "JointAverage": ("mx = sum_ij i p(i, j)", "60VM", "1", ""),
    "JointEnergy": ("sum_ij p(i, j)^2", "8ZQL", "1", "IBSI's angular second moment"),
    "JointEntropy": ("HXY = -sum_ij p(i, j) log2 p(i, j)", "TU9B", "bit", ""),
    "MCC": (
        "sqrt of the second largest eigenvalue of Q(i, j) = sum_k p(i, k) p(j, k) / (p_x(i) p_y(k))", "", "1",
        "maximal correlation coefficient; not in IBSI; 1 for one level",
    ),
    "MaximumProbability": ("max_ij p(i, j)", "GYBY", "1", "IBSI's joint maximum"),
    "SumAverage": ("sum_k k p_s(k)", "ZGXS", "1", "2 JointAverage for symmetrical matrices"),
    "SumEntropy": ("-sum_k p_s(k) log2 p_s(k)", "P6QZ", "bit", ""),
    "SumSquares": ("sum_ij (i - mx)^2 p(i, j)", "UR99", "1", "IBSI's joint variance"),
    "Dissimilarity": ("sum_k k p_d(k)", "8S9J", "1", f"{_SAME} DifferenceAverage"),
    "Homogeneity1": ("sum_k p_d(k) / (1 + k)", "IB1Z", "1", f"{_SAME} Id"),
    "Homogeneity2": ("sum_k p_d(k) / (1 + k^2)", "WF0Z", "1", f"{_SAME} Idm"),
    "SumVariance": ("sum_k (k - SumAverage)^2 p_s(k)", "OEEB", "1", f"{_SAME} ClusterTendency"),
}  # fmt: skip

_RUNS = "where directions are merged, divided by the number of directions too"
GLRLM: dict[str, Row] = {
    "GrayLevelNonUniformity": ("sum_i (sum_j R)^2 / Nr", "R5YN", "1", "grows with the number of runs"),
    "GrayLevelNonUniformityNormalized": ("sum_i (sum_j R)^2 / Nr^2", "OVBL", "1", ""),
    "GrayLevelVariance": ("sum_ij p (i - sum_ij i p)^2", "8CE5", "1", ""),
    "HighGrayLevelRunEmphasis": ("sum_ij i^2 R / Nr", "G3QZ", "1", ""),
    "LongRunEmphasis": ("sum_ij j^2 R / Nr", "W4KF", "1", ""),
    "LongRunHighGrayLevelEmphasis": ("sum_ij i^2 j^2 R / Nr", "3KUM", "1", ""),
    "LongRunLowGrayLevelEmphasis": ("sum_ij j^2 / i^2 R / Nr", "IVPO", "1", ""),
    "LowGrayLevelRunEmphasis": ("sum_ij R / i^2 / Nr", "V3SW", "1", ""),
    "RunEntropy": ("-sum_ij p log2 p", "HJ9O", "bit", ""),
    "RunLengthNonUniformity": ("sum_j (sum_i R)^2 / Nr", "W92Y", "1", "grows with the number of runs"),
    "RunLengthNonUniformityNormalized": ("sum_j (sum_i R)^2 / Nr^2", "IC23", "1", ""),
    "RunPercentage": ("Nr / Nv", "9ZK5", "1", _RUNS),
    "RunVariance": ("sum_ij p (j - sum_ij j p)^2", "SXLW", "1", ""),
    "ShortRunEmphasis": ("sum_ij R / j^2 / Nr", "22OV", "1", "depends most of all on the bin width"),
    "ShortRunHighGrayLevelEmphasis": ("sum_ij i^2 / j^2 R / Nr", "GD3A", "1", ""),
    "ShortRunLowGrayLevelEmphasis": ("sum_ij R / (i^2 j^2) / Nr", "HTZT", "1", ""),
}

GLSZM: dict[str, Row] = {
    "GrayLevelNonUniformity": ("sum_i (sum_j Z)^2 / Nz", "JNSA", "1", "grows with the number of zones"),
    "GrayLevelNonUniformityNormalized": ("sum_i (sum_j Z)^2 / Nz^2", "Y1RO", "1", ""),
    "GrayLevelVariance": ("sum_ij p (i - sum_ij i p)^2", "BYLV", "1", ""),
    "HighGrayLevelZoneEmphasis": ("sum_ij i^2 Z / Nz", "5GN9", "1", ""),
    "LargeAreaEmphasis": ("sum_ij j^2 Z / Nz", "48P8", "1", ""),
    "LargeAreaHighGrayLevelEmphasis": ("sum_ij i^2 j^2 Z / Nz", "J17V", "1", ""),
    "LargeAreaLowGrayLevelEmphasis": ("sum_ij j^2 / i^2 Z / Nz", "YH51", "1", ""),
    "LowGrayLevelZoneEmphasis": ("sum_ij Z / i^2 / Nz", "XMSY", "1", ""),
    "SizeZoneNonUniformity": ("sum_j (sum_i Z)^2 / Nz", "4JP3", "1", "grows with the number of zones"),
    "SizeZoneNonUniformityNormalized": ("sum_j (sum_i Z)^2 / Nz^2", "VB3A", "1", ""),
    "SmallAreaEmphasis": ("sum_ij Z / j^2 / Nz", "5QRC", "1", ""),
    "SmallAreaHighGrayLevelEmphasis": ("sum_ij i^2 / j^2 Z / Nz", "HW1V", "1", ""),
    "SmallAreaLowGrayLevelEmphasis": ("sum_ij Z / (i^2 j^2) / Nz", "5RAI", "1", ""),
    "ZoneEntropy": ("-sum_ij p log2 p", "GU8N", "bit", ""),
    "ZonePercentage": ("Nz / Nv", "P30P", "1", ""),
    "ZoneVariance": ("sum_ij p (j - sum_ij j p)^2", "3NSA", "1", ""),
}

GLDM: dict[str, Row] = {
    "DependenceEntropy": ("-sum_ij p log2 p", "FCBV", "bit", ""),
    "DependenceNonUniformity": ("sum_j (sum_i D)^2 / Nv", "Z87G", "1", "grows with the number of voxels"),
    "DependenceNonUniformityNormalized": ("sum_j (sum_i D)^2 / Nv^2", "OKJI", "1", ""),
    "DependenceVariance": ("sum_ij p (j - sum_ij j p)^2", "DNX2", "1", ""),
    "GrayLevelNonUniformity": ("sum_i (sum_j D)^2 / Nv", "FP8K", "1", "grows with the number of voxels"),
    "GrayLevelVariance": ("sum_ij p (i - sum_ij i p)^2", "1PFV", "1", ""),
    "HighGrayLevelEmphasis": ("sum_ij i^2 D / Nv", "OAE7", "1", ""),
    "LargeDependenceEmphasis": ("sum_ij j^2 D / Nv", "IMOQ", "1", "IBSI: high dependence emphasis"),
    "LargeDependenceHighGrayLevelEmphasis": ("sum_ij i^2 j^2 D / Nv", "9QMG", "1", ""),
    "LargeDependenceLowGrayLevelEmphasis": ("sum_ij j^2 / i^2 D / Nv", "NBZI", "1", ""),
    "LowGrayLevelEmphasis": ("sum_ij D / i^2 / Nv", "TL9H", "1", ""),
    "SmallDependenceEmphasis": ("sum_ij D / j^2 / Nv", "SODN", "1", "IBSI: low dependence emphasis"),
    "SmallDependenceHighGrayLevelEmphasis": ("sum_ij i^2 / j^2 D / Nv", "JA6D", "1", ""),
    "SmallDependenceLowGrayLevelEmphasis": ("sum_ij D / (i^2 j^2) / Nv", "EQ3F", "1", ""),
    "DependenceEnergy": ("sum_ij p^2", "CAS9", "1", "on request only; not in pyradiomics"),
    "DependencePercentage": ("sum_ij D / Nv", "6XV8", "1", "on request only: always 1"),
    "GrayLevelNonUniformityNormalized": (
        "sum_i (sum_j D)^2 / Nv^2", "5SPA", "1", "on request only: equals first-order Uniformity",
    ),
}  # fmt: skip

NGTDM: dict[str, Row] = {
    "Busyness": ("sum_i p_i s_i / sum_ij |i p_i - j p_j|", "NQ30", "1", "0 for one level"),
    "Coarseness": ("1 / sum_i p_i s_i", "QCDE", "1", "10^6 where the sum is 0, in both definitions"),
    "Complexity": ("sum_ij |i - j| (p_i s_i + p_j s_j) / (p_i + p_j) / Nv", "HDEZ", "1", ""),
    "Contrast": ("sum_ij p_i p_j (i - j)^2 / (n (n - 1)) * sum_i s_i / Nv", "65HE", "1", "0 for one level"),
    "Strength": ("sum_ij (p_i + p_j) (i - j)^2 / sum_i s_i", "1X9X", "1", "0 where the sum is 0"),
}
