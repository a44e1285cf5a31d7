"""The weights of an 8-bit export, held against the original's channel by channel.

    collect   what the original multiplies by, and what converters may fold into it, as the reference is made
    stored    the same as a file holds it, dequantized
    fit       which weight of the original one of the file is, and how far off each channel lies
    check     the wrong ones, in the verdict and where no layer else is found guilty

The budget of an 8-bit export leaves room for several times its roundings, and within it a whole channel can
be lost. Rounding moves no weight by more than a step: what is further off is no rounding.
"""
