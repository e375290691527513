"""What the system tests are made of: a simulator, a broker, subscribers and the gateway, each a real program."""

from .broker import Broker, Certificates
from .gateway import Gateway
from .process import SLIPS, TRIES, Process, find_free_port, wait_for
from .simulator import Simulator
from .subscriber import Message, Subscriber

__all__ = ["SLIPS", "TRIES", "Broker", "Certificates", "Gateway", "Message", "Process", "Simulator", "Subscriber",
           "find_free_port", "wait_for"]
