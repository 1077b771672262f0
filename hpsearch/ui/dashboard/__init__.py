"""The study dashboard: web pages that show searches as they run and can control them."""
