"""Which pixels set one actor's maps apart from the other actors': tests of relative saliency over whole maps."""
