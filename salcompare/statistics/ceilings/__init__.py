"""How well a perfect model could agree with people, and how far a score is below that."""
