"""Metrics as pysaliency and the MATLAB toolbox of the MIT benchmark define them, written out one map at a time."""



def roc(positive, negative):
    """Share of pairs that a positive value wins, ties one half: the area under the ROC curve, in O(n^2)."""
    return float(((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)).mean())
