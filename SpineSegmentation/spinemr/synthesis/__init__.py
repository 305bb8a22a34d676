"""A lumbar spine and the scanners that image it, drawn from code: anatomy, MR physics, contrasts, artefacts."""
