"""Which p-values are bounds: those of permutations drawn at random, none of which reached the observed value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salcompare.findings import findings
from salcompare.printing import AT_MOST, EQUAL


def with_p_is(estimates: pd.DataFrame, n_permutations: int) -> pd.DataFrame:
    """Say of each p-value whether it is as it stands ("equal") or a bound ("at most").

    Parameters
    ----------
    estimates : DataFrame
        As `estimates_table` gives it. What a row says of itself stays.
    n_permutations : int
        Permutations that the study asks for. Where a null has no more arrangements than that, all are enumerated: there
        are then fewer of them than were asked for, and the smallest p is exact.

    Returns
    -------
    DataFrame
        With column ``p_is``, missing where there is no p.
    """
    p, least, draws = (estimates[name].to_numpy(np.float64) for name in ("p_value", "p_attainable", "n_resamples"))
    asked = np.full(len(estimates), float(n_permutations))
    fewer = np.zeros(len(estimates), bool)
    most = {quantity.statistic: quantity.most for finding in findings() for quantity in finding.quantities
            if quantity.most}
    for statistic, counts in most.items():
        of = (estimates["statistic"] == statistic).to_numpy()
        asked[of] = np.inf
        fewer |= of & np.isin(draws, [min(count, n_permutations) for count in counts])
    bound = (fewer | (draws >= asked)) & np.isclose(p, least, rtol=1e-9, atol=0)
    said = pd.Series(np.where(bound, AT_MOST, EQUAL), estimates.index, dtype="str")
    known = estimates["p_is"]
    return estimates.assign(p_is=known.where(known.notna() | np.isnan(p), said))
