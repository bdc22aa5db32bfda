"""What the leaderboard's static pages are made of: see `benchmarks.leaderboard`."""
