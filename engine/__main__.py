"""``python -m engine``, the same as the command ``engine``."""

import sys

from engine.cli.main import main

sys.exit(main())
