"""The standard agent API, the agents that need no deep-learning library, and playing many tasks with them."""

from mas_envs.agents.base import Agent, Completion, Request, Usage
from mas_envs.agents.episode import Episode, Moment
from mas_envs.agents.human import EndOfInputError, HumanAgent
from mas_envs.agents.openai import OpenAIAgent
from mas_envs.agents.playing import play, replay
from mas_envs.agents.scripted import CallableAgent, ExpertAgent, RandomAgent, ReplayAgent, as_agent

__all__ = [
    "Agent",
    "CallableAgent",
    "Completion",
    "EndOfInputError",
    "Episode",
    "ExpertAgent",
    "HumanAgent",
    "Moment",
    "OpenAIAgent",
    "RandomAgent",
    "ReplayAgent",
    "Request",
    "Usage",
    "as_agent",
    "play",
    "replay",
]
