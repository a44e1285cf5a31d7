"""Inputs that are made to find faults: boundary values by dtype and by what the original's graph contains.

    graph_facts   what the graph contains, which inputs look something up
    acceptance    which integers the original answers to
    inputs        what is known of each input: its domain, and what usually occurs
    values        numbers at which implementations part
    patterns      whole inputs with a shape of their own
    background    natural samples that cases are made from
    builder       puts values into samples
    cases         which are worth trying on this model: float_cases, integer_cases and the rest

Inputs reach inner ops through the layers before them only: what feeds an op directly, or through a
rescaling, meets it exactly; behind wide layers the patterns, which no noise would form, have to do.
"""
