"""Exports in real browsers.

    BrowserRuntime ─► Browser ─► PageServer ◄─HTTP─ page.js: TF.js, ONNX Runtime Web, LiteRT.js
                         └─► BrowserProcess ─► keeper.py ─► the browser

One browser of each family serves all sessions of a process. Its page holds a realm for each engine and
backend, which stays warm from model to model; the browser is replaced after anything that may have left
it damaged.
"""
