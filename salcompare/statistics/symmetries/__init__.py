"""Left-right symmetry of maps: descriptions, and tests against maps that are symmetric but for noise."""
