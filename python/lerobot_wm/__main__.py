"""`python -m lerobot_wm COMMAND …`"""

from .program import main

main()
