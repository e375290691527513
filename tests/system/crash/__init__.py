"""The crash test: kills and broken lines at random moments, and what a subscriber has received at the end.

truth.py says faults and rides to the simulator and remembers when; proxy.py stands between gateway and broker, spoils
the line and writes down what passes; trouble.py kills; judge.py and lifts.py hold design.md's promises against all
that; scene.py puts the parts together.

From tests/system: python3 -m crash --rounds 500 --seed 1
"""
