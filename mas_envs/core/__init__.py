"""What every room of the project speaks: the game contract, seeds, text, errors."""
