"""Training of harmonizers: domains of images, the published steps, one loop that can be stopped and gone on with."""
