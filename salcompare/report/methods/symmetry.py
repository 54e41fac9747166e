"""Methods of symmetry."""

SYMMETRY = (
    "With F the left-right mirror of a map S: index = 1 − Σ|S−F| / Σ(|S|+|F|); mirror correlation = Pearson's of S and "
    "F; laterality = (L−R)/(L+R), viewer's left. The index follows the noise, so it stands beside what symmetric maps "
    "with as much noise would give (single images mirrored at random, 200 draws). Sources are compared on the "
    "cross-validated odd share, paired over actors: energy of the odd parts (S−F)/2 over that of odd and even parts, "
    "from inner products of different images of an actor, to which noise adds nothing; both are smoothed by the same "
    "sigma, which makes the smoothing equal, not the resolution of boxes and gradients. Two nulls are tested. Do "
    "actors share a side? All maps of an actor are mirrored together, actors at random; the mean laterality and the "
    "energy of the mean odd part are compared. Has each actor a side, whichever? Single images are mirrored at random, "
    "whole shoots where the catalogue names them; the sum over pairs of an actor's images of inner products of odd "
    "parts is compared. The first has no power where sides differ between actors. Asymmetric maps may only show that "
    "faces were turned or lit from one side, so the photographs undergo the same tests; the Gram matrices of the odd "
    "parts of maps and photographs, each actor's mean taken away, are correlated over pairs of images of different "
    "actors (Robert & Escoufier 1976), maps permuted among an actor's images; and maps' odd parts are regressed on "
    "principal components of the photographs' odd parts (ten, or a third of the images), through the origin, to test "
    "what is left by turning remainders' signs and regressing anew (Freedman & Lane 1983). That control is linear: "
    "pose that acts on maps otherwise stays in the remainder.")
