"""Charts as SVG text: pure functions of the data, without matplotlib and without anything from the network."""
