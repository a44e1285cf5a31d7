"""One file for each kind of data; each has `read`.

`read(spec, layout)` yields chunks: from each input name to an array with the samples along the first
dimension, in the signature's order, shapes and dtypes. A chunk is about a batch long, so that memory
does not grow with the number of samples.
"""

from validation.feed_sources import generator, images, natural, npy, npz

SOURCES = {
    "npz": npz.read,
    "npy": npy.read,
    "images": images.read,
    "callable": generator.read,
    "natural": natural.read,
}
