"""How far workers agree in their boxes and labels, on an image, an actor's images and all."""
