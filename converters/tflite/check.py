def check(a): pass
