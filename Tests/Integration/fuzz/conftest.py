"""The seeds' module lies beside the test that uses it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
