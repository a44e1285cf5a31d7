"""The original, opened so that any of its layers can be given other inputs than it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.graph_edit import make_node, plain
from validation.dtypes import as_bytes
from validation.localize.original_graph import OriginalGraph
from validation.runtime import UNIT_ROUNDOFF

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from validation.truth.rounding import Rounding

Nudge = Callable[[np.ndarray], np.ndarray]

_SCOPE = "localize_cut"


class OriginalRun:
    """The graph in its own arithmetic, every op as it stands.

    Args:
        original: its structure.
    """

    def __init__(self, original: OriginalGraph) -> None:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        self.graph, self.fed = _open(original)
        self._session = tf.compat.v1.Session(graph=self.graph, config=_as_it_stands())
        self._weights = {
            f"{node.name}:0": np.asarray(tf.make_ndarray(node.attr["value"].tensor))
            for node in self.graph.as_graph_def().node
            if node.op == "Const" and tf.as_dtype(node.attr["dtype"].type).is_floating
        }

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Iterable[str], nudge: Nudge | None = None
    ) -> dict[str, np.ndarray]:
        """Values of tensors when others are given; what is given is also computed, where it is fetched.

        Args:
            feeds: by tensor; likewise what is returned.
            fetches: boundaries.
            nudge: gives the weight that is taken in place of each float weight.
        """
        names = list(dict.fromkeys(fetches))
        given: dict[Any, Any] = {name: nudge(array) for name, array in self._weights.items() if nudge}
        given |= {self.fed[key]: _cast(self.graph, self.fed[key], array) for key, array in feeds.items()}
        found = self._session.run([_full(name) for name in names], given)
        return {name: _array(value) for name, value in zip(names, found, strict=True)}


class TwinRun:
    """The graph in float64, and with every rounding of its own arithmetic simulated.

    Args:
        original: its structure.
        opened: the same graph, opened.
        exact_sums: the simulated arithmetic rounds no term of a sum.

    Raises:
        NoTwinError: an op can't be taken to float64.
    """

    def __init__(self, original: OriginalGraph, opened: OriginalRun, *, exact_sums: bool = False) -> None:
        import tensorflow as tf

        from validation.truth.rounding import Rounding

        self._fed = opened.fed
        self._source = opened.graph
        self._tensors = [*(boundary.tensor for boundary in original.boundaries)]
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._seed = tf.compat.v1.placeholder_with_default(np.int64(0), ())
            self._amplitude = tf.compat.v1.placeholder_with_default(np.float64(1), ())
            self._given = {
                tensor: tf.compat.v1.placeholder(_raised(self._source.get_tensor_by_name(self._fed[tensor])))
                for tensor in original.inputs.values()
            }
            self._exact = self._translated(None)
            self._rounded = self._translated(Rounding(self._seed, self._amplitude, exact_sums))
        self._session = tf.compat.v1.Session(graph=self._graph, config=_as_it_stands())

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Iterable[str]) -> dict[str, np.ndarray]:
        """As `OriginalRun.run`, in float64."""
        return self._run(self._exact, feeds, fetches, {})

    def rounded(
        self, feeds: Mapping[str, np.ndarray], fetches: Iterable[str], seed: int, relative: float
    ) -> dict[str, np.ndarray]:
        """As `run`, with every result moved at random by up to so much of itself."""
        extra = {self._seed: np.int64(seed), self._amplitude: relative / UNIT_ROUNDOFF["float32"]}
        return self._run(self._rounded, feeds, fetches, extra)

    def _run(
        self, tensors: Mapping[str, Any], feeds: Mapping[str, np.ndarray], fetches: Iterable[str], extra: Any
    ) -> dict[str, np.ndarray]:
        names = list(dict.fromkeys(fetches))
        given = dict(extra)
        for key, array in feeds.items():
            tensor = self._given[key] if key in self._given else tensors[self._fed[key]]
            given[tensor] = array if array.dtype == object else array.astype(tensor.dtype.as_numpy_dtype)
        found = self._session.run([tensors[name] for name in names], given)
        return {name: _array(value) for name, value in zip(names, found, strict=True)}

    def _translated(self, rounding: Rounding | None) -> dict[str, Any]:
        """Tensors by the names of the boundaries, and of what stands in for them."""
        from validation.truth.translate import Translation

        stand_ins = [self._fed[tensor] for tensor in self._tensors]
        wanted = [*map(_full, self._tensors), *stand_ins]
        given = {self._fed[key]: value for key, value in self._given.items()}
        outputs = [self._source.get_tensor_by_name(name) for name in wanted]
        values = Translation(rounding).run(self._source, given, outputs)
        return dict(zip([*self._tensors, *stand_ins], values, strict=True))


def _open(original: OriginalGraph) -> tuple[Any, dict[str, str]]:
    """The graph with a placeholder behind each boundary, and the name of each tensor that can be given."""
    import tensorflow as tf

    definition = type(original.definition)()
    definition.CopyFrom(original.definition)
    fed = _make_cuttable(definition, [boundary.tensor for boundary in original.boundaries])
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    return graph, fed | {tensor: f"{tensor}:0" for tensor in original.inputs.values()}


def _make_cuttable(definition: GraphDef, tensors: list[str]) -> dict[str, str]:
    """Lets consumers of each tensor take a placeholder whose default it is; gives their names."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        found = {tensor: graph.get_tensor_by_name(_full(tensor)) for tensor in tensors}
    names = {tensor: f"{_SCOPE}/{number}" for number, tensor in enumerate(tensors)}
    for node in definition.node:
        for index, key in enumerate(node.input):
            node.input[index] = names.get(plain(key), key)
    for tensor, name in names.items():
        # Only the rank: a wrong stride in the file gives another size, and the original goes on from it.
        size = tf.TensorShape([None] * (found[tensor].shape.rank or 0))
        shape = tf.compat.v1.AttrValue(shape=size.as_proto())
        stand_in = make_node("PlaceholderWithDefault", name, [tensor], dtype=found[tensor].dtype, shape=shape)
        definition.node.append(stand_in)
    return {tensor: f"{name}:0" for tensor, name in names.items()}


def _cast(graph: Any, name: str, array: np.ndarray) -> np.ndarray:
    dtype = graph.get_tensor_by_name(name).dtype
    return array if array.dtype == object else array.astype(dtype.as_numpy_dtype)


def _raised(tensor: Any) -> Any:
    import tensorflow as tf

    return tf.float64 if tensor.dtype.is_floating else tensor.dtype


def _full(tensor: str) -> str:
    return tensor if ":" in tensor else f"{tensor}:0"


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return as_bytes(array) if array.dtype.kind in "OSU" else array


def _as_it_stands() -> Any:
    """No constant folding, no fusion, no GPU."""
    from tensorflow.core.protobuf import config_pb2

    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = config_pb2.OptimizerOptions.L0
    config.device_count["GPU"] = 0
    return config
