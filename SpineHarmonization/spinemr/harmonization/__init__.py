"""One appearance from any scanner: methods that change the intensities of a study and leave its anatomy where it is."""
