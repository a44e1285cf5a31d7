"""Builds a traced graph again, in float64.

Every op is made anew with its float types replaced; what has no kernel for them is written out by
`composed`. Loops, branches and calls are walked into. Variables are read in their own dtype
and cast, which loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from validation.truth.known import are_long
from validation.truth.remade import Values, in_float64, is_low
from validation.truth.rounding import EXACT, Place, Rounding, is_long
from validation.truth.sums import INEXACT, SUMS

CALLS = ("PartitionedCall", "StatefulPartitionedCall")

LOOPS = ("While", "StatelessWhile")

BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
"""Their first input chooses a function, which takes the others."""


class Translation:
    """Carries one graph over into the graph that is being traced.

    Args:
        rounding: None for the truth; otherwise every rounding is simulated.
    """

    def __init__(self, rounding: Rounding | None = None) -> None:
        self._rounding = rounding
        self._numbers: dict[tuple[str, str], int] = {}
        self._loops = 0

    def run(self, graph: Any, given: Mapping[str, Any], outputs: Sequence[Any]) -> Values:
        """Values of a graph's tensors.

        Args:
            graph: a `FuncGraph` of the original.
            given: from the names of its placeholders to their values.
            outputs: tensors of it.
        """
        values = dict(given)
        for op in _needed(graph, outputs, given):
            inputs = [values[tensor.name] for tensor in op.inputs]
            results = self._carry_over(op, inputs)
            values.update(zip((tensor.name for tensor in op.outputs), results, strict=True))
        return [values[tensor.name] for tensor in outputs]

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        special = _SPECIAL.get(op.type)
        if special is not None:
            return special(self, op, inputs)
        if self._rounding is None or op.type in EXACT:
            return in_float64(op, inputs)
        if op.type in SUMS and op.outputs[0].dtype.is_floating and not self._rounding.exact_sums:
            return [self._rounded_sum(self._rounding, op, inputs)]
        place = self._place(op)
        return [
            self._rounding.result(exact, op, tensor.dtype, place) if tensor.dtype.is_floating else exact
            for tensor, exact in zip(op.outputs, in_float64(op, inputs), strict=True)
        ]

    def _rounded_sum(self, rounding: Rounding, op: Any, inputs: Values) -> Any:
        """Products with numbers of more than 8 bits never add up exactly: there the exact sum is left out."""
        import tensorflow as tf

        dtype, place = op.outputs[0].dtype, self._place(op)
        index, count = SUMS[op.type]
        summed = tf.cast(inputs[index], tf.float64)
        inexact = op.type in INEXACT or (index > 0 and are_long(summed))
        exact = None if inexact else in_float64(op, inputs)[0]
        terms = count(op, inputs, exact)
        moved = rounding.terms(summed, dtype, place, terms)
        (near,) = in_float64(op, [*inputs[:index], moved, *inputs[index + 1 :]])
        result = rounding.sum(near, dtype=dtype, place=place, terms=terms)
        if exact is None:
            return result
        # Summed up itself it tells sum by sum; of products it tells nothing less than all terms.
        long = is_long(summed)
        (found,) = [tf.reduce_sum(long)] if index else in_float64(op, [long, *inputs[1:]])
        return rounding.unless_exact(exact, result, short=tf.equal(found, 0.0), dtype=dtype)

    def _place(self, op: Any) -> Place:
        """The same in every run."""
        key = (getattr(op.graph, "name", ""), op.name)
        return Place(2 * self._numbers.setdefault(key, len(self._numbers)), self._loops > 0)

    def _call(self, op: Any, inputs: Values) -> Values:
        return self._function(body_of(op, "f"), inputs)

    def _function(self, body: Any, inputs: Values) -> Values:
        given = {tensor.name: value for tensor, value in zip(body.inputs, inputs, strict=True)}
        return self.run(body, given, body.outputs)

    def _while(self, op: Any, inputs: Values) -> Values:
        import tensorflow as tf

        condition, body = body_of(op, "cond"), body_of(op, "body")
        shapes = [tf.TensorShape(shape) for shape in op.get_attr("output_shapes")]
        self._loops += 1
        results = tf.while_loop(
            lambda *values: self._function(condition, list(values))[0],
            lambda *values: self._function(body, list(values)),
            inputs,
            shape_invariants=shapes or [tensor.shape for tensor in op.outputs],
            parallel_iterations=1,
        )
        self._loops -= 1
        return list(results)

    def _if(self, op: Any, inputs: Values) -> Values:
        import tensorflow as tf

        then, other = body_of(op, "then_branch"), body_of(op, "else_branch")
        chosen = tf.cond(
            tf.cast(inputs[0], tf.bool),
            lambda: self._function(then, inputs[1:]),
            lambda: self._function(other, inputs[1:]),
        )
        return _listed(chosen)

    def _case(self, op: Any, inputs: Values) -> Values:
        import tensorflow as tf

        branches = [_graph_of(op, function.name) for function in op.get_attr("branches")]
        ways = [lambda branch=branch: self._function(branch, inputs[1:]) for branch in branches]
        return _listed(tf.switch_case(inputs[0], ways))

    def _constant(self, op: Any, inputs: Values) -> Values:
        import tensorflow as tf

        value = tf.make_ndarray(op.get_attr("value"))
        low = is_low(op.outputs[0].dtype)
        return [tf.constant(value.astype("float64") if low else value, None if low else op.outputs[0].dtype)]


def _listed(chosen: Any) -> Values:
    return list(chosen) if isinstance(chosen, (list, tuple)) else [chosen]


def _needed(graph: Any, outputs: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
    """The ops that outputs depend on by data, in the order in which they can run."""
    order: list[Any] = []
    seen: set[str] = set()
    todo = [(tensor.op, False) for tensor in reversed(list(outputs))]
    while todo:
        op, ready = todo.pop()
        if ready:
            order.append(op)
            continue
        if op.name in seen or all(tensor.name in given for tensor in op.outputs):
            continue
        seen.add(op.name)
        todo.append((op, True))
        todo.extend((tensor.op, False) for tensor in op.inputs)
    return order


def body_of(op: Any, attribute: str) -> Any:
    """The graph of the function that an attribute names."""
    return _graph_of(op, op.get_attr(attribute).name)


def _graph_of(op: Any, name: str) -> Any:
    """The graph of a function that an op calls."""
    from tensorflow.python.ops import control_flow_util_v2

    skip = 1 if op.type in BRANCHES else 0
    shapes = [tensor.shape for tensor in list(op.inputs)[skip:]]
    if op.type in LOOPS:
        shapes = [tensor.shape for tensor in op.outputs]
    return control_flow_util_v2.get_func_graph(op, shapes, name)


WALKED = frozenset({*CALLS, *LOOPS, *BRANCHES})
"""Ops whose functions are translated op by op."""

_SPECIAL: Mapping[str, Callable[[Translation, Any, Values], Values]] = {
    "Const": Translation._constant,
    "While": Translation._while,
    "StatelessWhile": Translation._while,
    "If": Translation._if,
    "StatelessIf": Translation._if,
    "Case": Translation._case,
    "StatelessCase": Translation._case,
    **dict.fromkeys(CALLS, Translation._call),
}
