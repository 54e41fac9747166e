"""How much of the variance of maps lies between actors, and what else the variance is made of."""
