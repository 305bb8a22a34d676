"""The drawn anatomy: a lumbar spine and the body around it, from a seed (see :mod:`.assemble` and :mod:`.render`)."""
