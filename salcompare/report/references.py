"""What the methods and the limits refer to."""

from salcompare.config.methods import ATTRIBUTION_METHODS

_OTHERS = (
    "Adebayo, J., Gilmer, J., Muelly, M., Goodfellow, I., Hardt, M., & Kim, B. (2018). Sanity Checks for Saliency "
    "Maps. NeurIPS. arXiv:1810.03292.",
    "Anderson, M. J. (2001). A new method for non-parametric multivariate analysis of variance. Austral Ecology, 26, "
    "32–46. doi:10.1111/j.1442-9993.2001.01070.pp.x.",
    "Anderson, M. J. (2006). Distance-based tests for homogeneity of multivariate dispersions. Biometrics, 62, "
    "245–253. doi:10.1111/j.1541-0420.2005.00440.x.",
    "Bell, R. M., & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with multi-stage "
    "samples. Survey Methodology, 28, 169–181.",
    "Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful approach "
    "to multiple testing. Journal of the Royal Statistical Society B, 57, 289–300. "
    "doi:10.1111/j.2517-6161.1995.tb02031.x.",
    "Brown, M. B., & Forsythe, A. B. (1974). The small sample behavior of some statistics which test the equality of "
    "several means. Technometrics, 16, 129–132. doi:10.1080/00401706.1974.10489158.",
    "Brown, W. (1910). Some experimental results in the correlation of mental abilities. British Journal of "
    "Psychology, 3, 296–322. doi:10.1111/j.2044-8295.1910.tb00207.x.",
    "Bylinskii, Z., Judd, T., Oliva, A., Torralba, A., & Durand, F. (2019). What do different evaluation metrics tell "
    "us about saliency models? IEEE TPAMI, 41, 740–757. doi:10.1109/TPAMI.2018.2815601.",
    "DiCiccio, C. J., & Romano, J. P. (2017). Robust permutation tests for correlation and regression coefficients. "
    "JASA, 112, 1211–1220. doi:10.1080/01621459.2016.1202117.",
    "Freedman, D., & Lane, D. (1983). A nonstochastic interpretation of reported significance levels. Journal of "
    "Business & Economic Statistics, 1, 292–298. doi:10.1080/07350015.1983.10509354.",
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics, 6, "
    "65–70.",
    "Judd, T., Ehinger, K., Durand, F., & Torralba, A. (2009). Learning to predict where humans look. ICCV. "
    "doi:10.1109/ICCV.2009.5459462.",
    "Kish, L. (1965). Survey Sampling. Wiley.",
    "Krippendorff, K. (2004). Content Analysis: An Introduction to Its Methods (2nd ed.), chapter 11. Sage.",
    "Krizhevsky, A., Sutskever, I., & Hinton, G. E. (2012). ImageNet classification with deep convolutional neural "
    "networks. NeurIPS.",
    "Kümmerer, M., Wallis, T. S. A., & Bethge, M. (2015). Information-theoretic model comparison unifies saliency "
    "metrics. PNAS, 112, 16054–16059. doi:10.1073/pnas.1510393112.",
    "Kümmerer, M., Wallis, T. S. A., & Bethge, M. (2018). Saliency benchmarking made easy: separating models, maps and "
    "metrics. ECCV, 798–814. doi:10.1007/978-3-030-01270-0_47.",
    "Mantel, N. (1967). The detection of disease clustering and a generalized regression approach. Cancer Research, "
    "27, 209–220. PMID 6018555.",
    "McCarthy, P. J., & Snowden, C. B. (1985). The bootstrap and finite population sampling. Vital and Health "
    "Statistics, 2(95).",
    "Nichols, T. E., & Holmes, A. P. (2002). Nonparametric permutation tests for functional neuroimaging: a primer "
    "with examples. Human Brain Mapping, 15, 1–25. doi:10.1002/hbm.1058.",
    "Petsiuk, V., Das, A., & Saenko, K. (2018). RISE: Randomized Input Sampling for Explanation of Black-box Models. "
    "BMVC. arXiv:1806.07421.",
    "Phipson, B., & Smyth, G. K. (2010). Permutation P-values should never be zero. Statistical Applications in "
    "Genetics and Molecular Biology, 9(1). doi:10.2202/1544-6115.1585.",
    "Robert, P., & Escoufier, Y. (1976). A unifying tool for linear multivariate statistical methods: the "
    "RV-coefficient. Applied Statistics, 25, 257–265. doi:10.2307/2347233.",
    "Schütt, H. H., Kipnis, A. D., Diedrichsen, J., & Kriegeskorte, N. (2023). Statistical inference on "
    "representational geometries. eLife, 12, e82566. doi:10.7554/eLife.82566.",
    "Smilkov, D., Thorat, N., Kim, B., Viégas, F., & Wattenberg, M. (2017). SmoothGrad: removing noise by adding "
    "noise. arXiv:1706.03825.",
    "Sun, S., Teoh, S. H., & Guerzhoy, M. (2020). Salient Facial Features from Humans and Deep Neural Networks. "
    "arXiv:2003.08765.",
    "Székely, G. J., & Rizzo, M. L. (2014). Partial distance correlation with methods for dissimilarities. Annals of "
    "Statistics, 42, 2382–2412. doi:10.1214/14-AOS1255.",
    "Tan, M., & Le, Q. V. (2019). EfficientNet: Rethinking model scaling for convolutional neural networks. ICML. "
    "arXiv:1905.11946.",
    "Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics "
    "Bulletin, 2, 110–114. doi:10.2307/3002019.",
    "Tukey, J. W. (1949). One degree of freedom for non-additivity. Biometrics, 5, 232–242. doi:10.2307/3001938.",
    "Walther, A., Nili, H., Ejaz, N., Alink, A., Kriegeskorte, N., & Diedrichsen, J. (2016). Reliability of "
    "dissimilarity measures for multi-voxel pattern analysis. NeuroImage, 137, 188–200. "
    "doi:10.1016/j.neuroimage.2015.12.012.",
    "Westfall, P. H., & Young, S. S. (1993). Resampling-Based Multiple Testing. Wiley.",
    "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA, 22, 209–212. "
    "doi:10.1080/01621459.1927.10502953.",
    "Zhang, J., Bargal, S. A., Lin, Z., Brandt, J., Shen, X., & Sclaroff, S. (2018). Top-down neural attention by "
    "excitation backprop. International Journal of Computer Vision, 126, 1084–1102. doi:10.1007/s11263-017-1059-x.",
)
REFERENCES = tuple(sorted({*_OTHERS, *(method.reference for method in ATTRIBUTION_METHODS.values())}))
