"""One file for each command; each parses, calls one library function and prints what it found."""
