"""Methods of symmetry."""

SYMMETRY = (
    "With F the left-right mirror of a map S: index = 1 − Σ|S−F| / Σ(|S|+|F|); mirror correlation = Pearson's of S and "
    "F; laterality = (L−R)/(L+R), viewer's left. The index follows the noise, so it stands beside what symmetric maps "
    "with as much noise would give (single images mirrored at random, 200 draws). Sources are compared on the "
    "cross-validated odd share: energy of the odd parts over that of odd and even parts, from inner products of "
    "different images of an actor, to which noise adds nothing.")
