"""Parts of the GAN: losses, penalties, networks, a step, reports."""
