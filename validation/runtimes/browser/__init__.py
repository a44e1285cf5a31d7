"""Exports in real browsers.

    BrowserRuntime ─► Browser ─► PageServer ◄─HTTP─ page.js: TF.js, ONNX Runtime Web, LiteRT.js
                         └─► BrowserProcess ─► keeper.py ─► the browser

One browser of each family serves all sessions of a process, one engine at a time; the page is loaded
anew between engines, and the browser is replaced after anything that may have left it damaged.
"""
