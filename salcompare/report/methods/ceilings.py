"""Methods of ceilings, of the share of them that is reached, and of intervals over crossed replicates."""

CEILING = (
    "Workers of an image are split into random halves, 200 times; the mean correlation of the halves' coverage is "
    "stepped up to all workers by the Spearman-Brown formula (Brown 1910), and its root is the correlation that a "
    "perfect model would have with the observed coverage.")

SAME_TARGET = (
    "Score and ceiling have the same target. For other metrics, half of the workers stand in the classifier's place "
    "against the other half, and the classifier is scored against that same other half; or all other workers stand "
    "against a single one, and the classifier is scored against that one. These scores compare with their own ceiling "
    "only, as fewer workers are a noisier target.")

SHARE = (
    "The share of the ceiling is (score - null) / (ceiling - null): 1 for a perfect model, 0 at the null, below 0 "
    "under it, and never clipped. The null is the mean human map of the other actors, the classifier's maps of the "
    "other actors, or no correlation. Score, null and ceiling are computed in the same resamples, with the ceiling's "
    "limit for all splits, which rests on pairs of different workers: copies of a worker are never agreement. The "
    "interval is Fieller's (1954); where that of ceiling less null holds 0 the share is undefined.")

RESAMPLING = (
    "Each interval names what was resampled. Workers saw many images, so they are crossed with actors or images: the "
    "variance is 2 (V of workers + V of units) - V of both at once (Schütt et al. 2023), with a t interval, and none "
    "where it is not above 0. Actors are resampled whole where the result speaks of actors like these; images within "
    "their actor where it speaks of these actors. A resample draws one replicate fewer than there are, so that "
    "variances of means are unbiased (McCarthy & Snowden 1985). There are no intervals over fewer than eight actors: "
    "percentile intervals of 3 actors cover about 70%.")
