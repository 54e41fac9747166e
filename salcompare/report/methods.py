"""What the report says of its methods, their limits and their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.wording import number, percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

REFERENCES = (
    ("Sun2020", "Sun, S., Teoh, S. H., & Guerzhoy, M. (2020). Salient Facial Features from Humans and Deep Neural "
                "Networks. arXiv:2003.08765."),
    ("Springenberg2015", "Springenberg, J. T., Dosovitskiy, A., Brox, T., & Riedmiller, M. (2015). Striving for "
                         "Simplicity: The All Convolutional Net. ICLR Workshop. arXiv:1412.6806."),
    ("Adebayo2018", "Adebayo, J., Gilmer, J., Muelly, M., Goodfellow, I., Hardt, M., & Kim, B. (2018). Sanity Checks "
                    "for Saliency Maps. NeurIPS. arXiv:1810.03292."),
    ("Anderson2001", "Anderson, M. J. (2001). A new method for non-parametric multivariate analysis of variance. "
                     "Austral Ecology, 26, 32–46. doi:10.1111/j.1442-9993.2001.01070.pp.x."),
    ("Phipson2010", "Phipson, B., & Smyth, G. K. (2010). Permutation P-values should never be zero. Statistical "
                    "Applications in Genetics and Molecular Biology, 9(1). doi:10.2202/1544-6115.1585."),
    ("Bylinskii2019", "Bylinskii, Z., Judd, T., Oliva, A., Torralba, A., & Durand, F. (2019). What do different "
                      "evaluation metrics tell us about saliency models? IEEE TPAMI, 41, 740–757. "
                      "doi:10.1109/TPAMI.2018.2815601."),
    ("Wilson1927", "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. "
                   "JASA, 22, 209–212. doi:10.1080/01621459.1927.10502953."),
)


def methods(data: ReportData) -> list[tuple[str, str]]:
    """Headed paragraphs: what was done, with the settings in them."""
    maps, statistics = data.settings["maps"], data.settings["statistics"]
    height, width = data.settings["study"]["size"]
    return [
        ("Photographs", f"Every photograph was brought to a grid of {height} × {width} pixels without keeping its "
                        "aspect. Images of each actor were split at random, seeded, into training, validation and test "
                        "images; maps and statistics use the test images only."),
        ("Human maps", "A box covers the pixels from its left and top edge up to, and without, its right and bottom "
                       "edge. An image's coverage is the share of its responses whose box covers a pixel; an actor's "
                       "heatmap is the mean of its images' coverage, so that images weigh the same."),
        ("Classifier maps", "Guided Backpropagation (Springenberg et al. 2015): the gradient of the actor's "
                            f"{data.settings['attribution']['output']} with respect to the image, with negative "
                            "gradients zeroed at every ReLU and at the input; channels are reduced by their "
                            f"{data.settings['attribution']['channels']}. A mask is the top "
                            f"{percent(maps['mask_share'], 0)} of a map's pixels, exactly; an actor's heatmap is the "
                            "mean of its test images' masks. Smoothed maps are convolved with a Gaussian of standard "
                            f"deviation {number(maps['sigma'] * width)} pixels."),
        ("Relative saliency", "An actor's heatmap minus the mean over actors of the actors' heatmaps."),
        ("Variance explained", "R² is the between-actor sum of squares over the total, pooled over pixels (Anderson "
                               f"2001). Its null permutes images freely among actors, {statistics['n_permutations']:,} "
                               "times; p = (1 + permutations at least as large) / (1 + permutations) (Phipson & "
                               "Smyth 2010). Adjusted R², omega² and the bias-corrected between-actor share stand "
                               "beside it, because R² alone grows with the number of actors. The original study "
                               "reports 0.92 without a definition (Sun et al. 2020); no number here should be held "
                               "against it."),
        ("Labels", "Shares of labels are normalised within actor, images weighing the same, then averaged over actors. "
                   f"Intervals are percentiles of {statistics['n_resamples']:,} bootstrap resamples of workers, each "
                   "with all responses."),
        ("Overlap", "Metrics follow Bylinskii et al. (2019); the primary one is Pearson's correlation of smoothed "
                    "maps. "
                    "Three pairings are told apart: same image; same actor, other image; other actor. The image effect "
                    "is the first minus the second, with a null that permutes images within actors; the actor effect "
                    "is "
                    "the second minus the third, with a null that permutes whole actors. Intervals over actors are t "
                    "intervals, and none are given below 8 actors."),
        ("Symmetry", "With F the left-right mirror of a map S: index = 1 − Σ|S−F| / Σ(|S|+|F|); mirror correlation = "
                     "Pearson's of S and F; laterality = (L−R)/(L+R), viewer's left. The index follows the noise, so "
                     "it "
                     "stands beside what truly symmetric maps with as much noise would give."),
        ("Accuracy", "Shares of images classified as their actor, with Wilson (1927) intervals."),
    ]


def limits(data: ReportData) -> list[str]:
    """Name what the numbers cannot say."""
    said = [
        "Guided Backpropagation hardly changes when a network's weights are replaced by random ones (Adebayo et al. "
        "2018): a map may show the photograph's edges more than what the network learned.",
        "Boxes are not gradients. A box says which feature a person would name; a gradient says which pixels move a "
        "logit. Agreement of the two is agreement of where, not of why.",
        "Both maps of an image share its pose and framing, which alone makes overlap on the same image beat overlap "
        "across images; the image effect and the baselines are there for that reason.",
        "Pixels are never replicates: every interval and p-value rests on actors, images or workers.",
        "p-values of different statistics are not adjusted for each other unless a family is named.",
    ]
    if data.simulated:
        said.insert(0, "The responses are simulated. Nothing here is a finding about people.")
    return said
