"""What the shipped trainers are made of; a package, so that no name meets one of yours."""
