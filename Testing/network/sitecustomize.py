"""Python imports this when it starts and finds this folder on its path: programs that tests start have no network, too."""

import network_guard

network_guard.install()
