"""SpineMR in the browser: a front that hands out sessions, and one process a session with a scene of its own."""
