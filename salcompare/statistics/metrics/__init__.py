"""The metrics of overlap, one function each, and all pairs at once.

Tools disagree on most of them. What is chosen here, once, for all of the toolkit (`registry.METRICS` holds it in words,
and reports print it):

===================  ===================================================================================================
question             choice
===================  ===================================================================================================
AUC: positives       auc_judd, auc_shuffled: fixations, a pixel as often as it is fixated; coverage is refused.
                     auc_top20, auc_top20_shuffled: people's top 20%, all pixels at or above the value at that rank and
                     above the map's smallest value, so that tied pixels stay together
AUC: negatives       auc_judd: all pixels. auc_top20: all other pixels. The shuffled ones: the other images' positives,
                     a pixel as often as it is one, all of them: the expected value over draws, so nothing is drawn
pointing game        a hit lies within 15 / 224 of the width of people's top 20%; of tied largest values the share
AUC: ties            a tied pair of a positive and a negative pixel counts one half
NSS                  the standard deviation divides by n; people's density weighs the pixels, of which fixation counts
                     are the special case
SIM                  maps over their sums; the minimum is not subtracted first, which would make it depend on one pixel
KL: epsilon          both densities mixed with 1% of the uniform density (`densities.FLOOR`). An epsilon of 1e-20 or
                     2.2e-16, as tools have it, makes the value a count of the classifier's zero pixels times the log of
                     that epsilon. Bounded by log(pixels / FLOOR)
information gain     in bits over the mean of people's maps of the other images; the classifier's map counts by its
                     ranks, whose density is fitted on the images of other actors
areas (iou, dice)    exactly round(share x pixels) on both sides; tied boundary pixels weigh (k - above) / tied each,
                     instead of a choice by row order
Spearman: ties       mean ranks
EMD                  exact, on 8 x 8 cells, as a share of the distance between opposite corner cells
constant maps        a uniform density (SIM, KL, information gain, EMD have a value); no order and no spread (NaN in all
                     others, where some tools give 0 or 0.5)
empty maps           NaN in all metrics, as are maps that hold NaN; negative values are NaN where a density is read
scale                no metric sees the scale of a map; only those of values and densities see an offset
===================  ===================================================================================================

A map overlaps itself perfectly in every metric that has a perfect value (`Metric.perfect`): all but the shuffled
AUCs, auc_judd, nss and information_gain, whose largest value depends on people's map.
"""
