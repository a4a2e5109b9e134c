"""What all tests share: no example of a property test may fail for being slow."""

import os

from hypothesis import settings

settings.register_profile("house", deadline=None)
# In CI the same examples each time: a new one must not stop somebody else's change.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")
