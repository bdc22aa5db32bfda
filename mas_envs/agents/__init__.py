"""The standard agent API, the agents that need no language model, and playing many tasks with them."""

from mas_envs.agents.base import Agent, Completion, Request
from mas_envs.agents.episode import Episode, Moment
from mas_envs.agents.playing import play, replay
from mas_envs.agents.scripted import CallableAgent, ExpertAgent, RandomAgent, ReplayAgent, as_agent

__all__ = [
    "Agent",
    "CallableAgent",
    "Completion",
    "Episode",
    "ExpertAgent",
    "Moment",
    "RandomAgent",
    "ReplayAgent",
    "Request",
    "as_agent",
    "play",
    "replay",
]
