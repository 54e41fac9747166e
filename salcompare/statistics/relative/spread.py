"""Whether actors differ in how much their images vary, which a test of means would take for different means."""

from __future__ import annotations

import numpy as np
import xarray as xr

from salcompare.errors import drawing
from salcompare.statistics.relative.material import SUPPORT, about, gather
from salcompare.statistics.relative.maxima import maxima_of


@drawing
def relative_dispersion(
    maps: xr.DataArray, *, sigma: float, rng: np.random.Generator, n_permutations: int = 999,
    support: float = SUPPORT,
) -> xr.Dataset:
    """Test at every pixel whether one actor's images spread more or less than the other actors'.

    Levene's deviations, |value less the actor's mean|, take the place of the values in `relative_test`.

    Parameters
    ----------
    maps, sigma, rng, n_permutations, support
        As for `relative_test`. Actors with one image have no spread and are left out.

    Returns
    -------
    Dataset
        As `relative_test` gives it: **t** is positive where the actor's images spread more, **difference** is that of
        the mean deviations.

    Raises
    ------
    InputError
        As for `relative_test`.

    Notes
    -----
    Deviations are taken anew in each permutation of the images. So the null hypothesis is that of `relative_test`, that
    images are exchangeable, and the test is exact under it however skewed the values are; permuting the deviations once
    taken is not (simulated with 10 actors of 4 images it rejects in 31% of studies for normal values and in all for
    lognormal ones). Where means differ and spreads do not, permuted groups spread differently from the observed ones:
    simulated with normal values it then rejects in 7 to 12%.

    Coverage and masks have more spread where they have more mean, so a real difference of means shows here, too. The
    test is a warning, not a proof: where it finds something, a small p of `relative_test` may be one of spread. With
    four images of an actor it hardly finds anything, and then says as little about spread.

    References
    ----------
    Levene (1960), in Contributions to Probability and Statistics, 278-292; Anderson (2006),
    doi:10.1111/j.1541-0420.2005.00440.x
    """
    single = []
    if isinstance(maps, xr.DataArray) and "actor" in maps.coords and maps["actor"].dims == ("image",):
        names, counts = np.unique(maps["actor"].values, return_counts=True)
        single = names[counts < 2].tolist()
        maps = maps.isel(image=np.flatnonzero(~np.isin(maps["actor"].values, single)))
    material = gather(maps, sigma=sigma, support=support, n_permutations=n_permutations)
    found = maxima_of(material, n_permutations, rng, "spread")
    return found.assign_attrs(about(material, support), actors_with_one_image=single)
