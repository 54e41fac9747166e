"""What the report says of its methods, their limits and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from salcompare.report.wording import number, percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

REFERENCES = (
    "Adebayo, J., Gilmer, J., Muelly, M., Goodfellow, I., Hardt, M., & Kim, B. (2018). Sanity Checks for Saliency "
    "Maps. NeurIPS. arXiv:1810.03292.",
    "Anderson, M. J. (2001). A new method for non-parametric multivariate analysis of variance. Austral Ecology, 26, "
    "32–46. doi:10.1111/j.1442-9993.2001.01070.pp.x.",
    "Brown, W. (1910). Some experimental results in the correlation of mental abilities. British Journal of "
    "Psychology, 3, 296–322. doi:10.1111/j.2044-8295.1910.tb00207.x.",
    "Bylinskii, Z., Judd, T., Oliva, A., Torralba, A., & Durand, F. (2019). What do different evaluation metrics tell "
    "us about saliency models? IEEE TPAMI, 41, 740–757. doi:10.1109/TPAMI.2018.2815601.",
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics, 6, "
    "65–70.",
    "Judd, T., Ehinger, K., Durand, F., & Torralba, A. (2009). Learning to predict where humans look. ICCV. "
    "doi:10.1109/ICCV.2009.5459462.",
    "Krizhevsky, A., Sutskever, I., & Hinton, G. E. (2012). ImageNet classification with deep convolutional neural "
    "networks. NeurIPS.",
    "Kümmerer, M., Wallis, T. S. A., & Bethge, M. (2015). Information-theoretic model comparison unifies saliency "
    "metrics. PNAS, 112, 16054–16059. doi:10.1073/pnas.1510393112.",
    "Phipson, B., & Smyth, G. K. (2010). Permutation P-values should never be zero. Statistical Applications in "
    "Genetics and Molecular Biology, 9(1). doi:10.2202/1544-6115.1585.",
    "Springenberg, J. T., Dosovitskiy, A., Brox, T., & Riedmiller, M. (2015). Striving for Simplicity: The All "
    "Convolutional Net. ICLR Workshop. arXiv:1412.6806.",
    "Sun, S., Teoh, S. H., & Guerzhoy, M. (2020). Salient Facial Features from Humans and Deep Neural Networks. "
    "arXiv:2003.08765.",
    "Tan, M., & Le, Q. V. (2019). EfficientNet: Rethinking model scaling for convolutional neural networks. ICML. "
    "arXiv:1905.11946.",
    "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA, 22, 209–212. "
    "doi:10.1080/01621459.1927.10502953.",
)


def methods(data: ReportData) -> list[tuple[str, str]]:
    """Headed paragraphs: what was done, with the settings in them; what the study does not have is left out."""
    people = data.responses is not None
    found = [("Photographs", _photographs(data))]
    if people:
        found += [("Simulated responses", _SIMULATION)] if data.simulated else []
        found += [("Human maps", _HUMAN_MAPS)]
    if data.classifiers:
        found += [("Classifiers", _classifiers(data)), ("Classifier maps", _classifier_maps(data))]
    found += [("Relative saliency", "An actor's heatmap minus the mean over actors of the actors' heatmaps."),
              ("Variance explained", _variance(data))]
    if people:
        found += [("Labels", _labels(data))]
    if people and data.classifiers:
        found += [("Overlap", _overlap(data)), ("Noise ceiling", _CEILING), ("Baselines", _BASELINES)]
    return [*found, ("Symmetry", _SYMMETRY)]


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
        "p-values of different statistics are not adjusted for each other; where p is adjusted, the family is named.",
    ]
    if data.simulated:
        said.insert(0, "The responses are simulated. Nothing here is a finding about people.")
    return said


_HUMAN_MAPS = (
    "A box covers the pixels from its left and top edge up to, and without, its right and bottom edge. An image's "
    "coverage is the share of its responses whose box covers a pixel; an actor's heatmap is the mean of its images' "
    "coverage, so that images weigh the same. Every image with responses has a map; R², symmetry and overlap use those "
    "of the images that the classifier's maps are of, where there are any.")

_SIMULATION = (
    "Labels, boxes and workers come from a generative model. Label shares have the published means (Sun et al. 2020, "
    "Fig. 4e) and the spread between actors that the published counts have; images and workers spread around them. "
    "Boxes lie where a face's landmarks are, with sizes as published. Planted: labels raised for some actors, none for "
    "others, a preference for one side in one-sided labels, and workers' habits. Nothing relates the boxes to any "
    "classifier's maps. The planted values stand in report.json under 'planted'.")

_CEILING = (
    "Workers of an image are split into random halves, 200 times; the mean correlation of the halves' coverage is "
    "stepped up to all workers by the Spearman-Brown formula (Brown 1910), and its root is the correlation that a "
    "perfect model would have with the observed coverage. Score and ceiling have the same target.")

_BASELINES = (
    "A uniform map (analytic values, no interval), a centred Gaussian whose standard deviation is a quarter of the "
    "grid, and the mean human map of the other actors. Differences from a baseline are paired over images and tested "
    "by flipping the signs of actors' means.")

_SYMMETRY = (
    "With F the left-right mirror of a map S: index = 1 − Σ|S−F| / Σ(|S|+|F|); mirror correlation = Pearson's of S and "
    "F; laterality = (L−R)/(L+R), viewer's left. The index follows the noise, so it stands beside what symmetric maps "
    "with as much noise would give (single images mirrored at random, 200 draws). Sources are compared on the "
    "cross-validated odd share: energy of the odd parts over that of odd and even parts, from inner products of "
    "different images of an actor, to which noise adds nothing.")


def _photographs(data: ReportData) -> str:
    height, width = data.settings["study"]["size"]
    return (f"Every photograph was brought to a grid of {height} × {width} pixels without keeping its aspect. Images "
            "of each actor were split at random, seeded, into training, validation and test images; the classifier's "
            "maps are of the test images.")


def _classifiers(data: ReportData) -> str:
    return " ".join(_classifier(settings) for settings in data.settings["classifier"]) + (
        " Batches are balanced over actors; the loss is the cross-entropy plus L2 times the sum of squared weights, "
        "without biases; the optimiser is Adam. The iteration with the best validation accuracy is kept, for the "
        "finetuned network from iteration 1 on, so that it is never the frozen one again. Accuracies are shares of "
        "images classified as their actor, with Wilson (1927) intervals.")


def _classifier(settings: Mapping[str, Any]) -> str:
    said = (f"{settings['name']}: {settings['backbone']} with weights '{settings['weights']}', then a layer of "
            f"{settings['hidden']} units, ReLU, dropout {number(settings['dropout'])} and a layer of the actors.")
    what = {"frozen": "new layers only", "finetuned": "all layers"}
    phases = [f"{variant} ({what[variant]}): {settings[variant]['iterations']:,} iterations with "
              f"{settings[variant]['per_class']} images of each actor, learning rate "
              f"{settings[variant]['learning_rate']:g}, L2 {settings[variant]['l2']:g}"
              for variant in settings["variants"]]
    return f"{said} Trained {'; '.join(phases)}."


def _classifier_maps(data: ReportData) -> str:
    maps, attribution = data.settings["maps"], data.settings["attribution"]
    width = data.settings["study"]["size"][1]
    return ("Guided Backpropagation (Springenberg et al. 2015): the gradient of the actor's "
            f"{attribution['output']} with respect to the image, with negative gradients zeroed at every ReLU and at "
            f"the input; channels are reduced by their {attribution['channels']}. A mask is the top "
            f"{percent(maps['mask_share'], 0)} of a map's pixels, exactly; an actor's heatmap is the mean of its test "
            "images' masks. Smoothed maps are convolved with a Gaussian of standard deviation "
            f"{number(maps['sigma'] * width)} pixels.")


def _variance(data: ReportData) -> str:
    n = data.settings["statistics"]["n_permutations"]
    return ("R² is the between-actor sum of squares over the total, pooled over pixels (Anderson 2001). Its null "
            f"permutes images freely among actors, {n:,} times; p = (1 + permutations at least as large) / (1 + "
            "permutations) (Phipson & Smyth 2010). Adjusted R², omega² and the bias-corrected between-actor share "
            "stand beside it, because R² alone grows with the number of actors. The original study reports 0.92 "
            "without a definition (Sun et al. 2020); no number here should be held against it.")


def _labels(data: ReportData) -> str:
    n = data.settings["statistics"]["n_resamples"]
    return ("Shares of labels are normalised within actor, images weighing the same, then averaged over actors. "
            f"Intervals are percentiles of {n:,} bootstrap resamples of workers, each with all responses.")


def _overlap(data: ReportData) -> str:
    share = percent(data.settings["maps"]["mask_share"], 0)
    return ("The primary metric is Pearson's correlation of smoothed maps (CC); the others follow Bylinskii et al. "
            f"(2019). iou and dice compare the top {share} of each map at equal area, tied pixels weighed; the AUCs "
            "take the top 20% of people's coverage as positives (Judd et al. 2009), the shuffled one against other "
            "images' positives; information gain is in bits over the centred Gaussian (Kümmerer et al. 2015); emd is "
            "on a coarse grid, a share of its diagonal. Three pairings are told apart: same image; same actor, other "
            "image; other actor. The image effect is the first minus the second, with a null that permutes classifier "
            "maps within actors; the actor effect is the second minus the third, with a null that permutes actors' "
            "whole sets of maps. Intervals over actors are t intervals, by jackknife where actors meet other actors; "
            "none are given below 8 actors. p-values of single actors are adjusted over actors by Holm's (1979) "
            "method.")
