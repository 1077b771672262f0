"""Parts of the classifier: networks, scores, augmentation, adversarial attacks."""
