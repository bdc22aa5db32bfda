"""What the board games share: moves, parsing of move lists, the turns of a team, a tool user's programs, prompts,
pictures."""
