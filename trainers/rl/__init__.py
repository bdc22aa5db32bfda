"""Rollout, advantage, batch and loss: pure functions, without any knowledge of a particular environment."""
