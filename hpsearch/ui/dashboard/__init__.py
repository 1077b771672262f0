"""The study dashboard: pages on which a person sees a search think, and acts on it."""
