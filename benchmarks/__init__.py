"""Measurements: speed, tables, the leaderboard."""
