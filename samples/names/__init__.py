"""First names of the US census, letter by letter: is it a woman's or a man's?"""
