"""ONNX's own test cases: models of one node, with what they are given and what is expected."""

import importlib
import re
import warnings
from pathlib import Path

FOLDERS = ("simple", "pytorch-converted", "pytorch-operator")


class Case:
    """A model of one node.

    Attributes:
        name: ONNX's.
        operator: of the node; None if there is more than one.
        opset: the version of ONNX's operators.
        attributes: of the node.
        inputs, outputs: of the node, arrays; None for an input that is left out.
    """

    def __init__(self, onnx, name, model, given, expected):
        self.name = name
        self.opset = {entry.domain: entry.version for entry in model.opset_import}.get("", 0)
        to_array, graph = onnx.numpy_helper.to_array, model.graph
        known = {w.name: to_array(w) for w in graph.initializer}
        free = [i.name for i in graph.input if i.name not in known]
        nodes = []
        for node in graph.node:
            values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant" and "value" in values:
                known[node.output[0]] = to_array(values["value"])
            else:
                nodes.append((node, values))
        self.operator = nodes[0][0].op_type if len(nodes) == 1 else None
        if self.operator:
            node, self.attributes = nodes[0]
            known |= dict(zip(free, given, strict=False))
            self.inputs = [known.get(key) for key in node.input]
            self.outputs = expected

    @property
    def x(self):
        return self.inputs[0]

    def input(self, k):
        """Return an input; None if it is not there."""
        return self.inputs[k] if k < len(self.inputs) else None

    def get(self, name, default=None):
        """Return an attribute, or what it is if it is not there."""
        found = self.attributes.get(name, default)
        return found.decode() if isinstance(found, bytes) else found


def cases(operators):
    """Return {operator: [Case, ...]} of all that the installed package onnx brings for them."""
    import onnx
    import onnx.backend.test.case.node as nodes
    from onnx.backend.test.loader import load_model_tests

    for operator in operators:
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", operator).lower()
        for name in {f"{nodes.__name__}.{word}" for word in (operator.lower(), snake)}:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # modules compute their numbers when imported
                    importlib.import_module(name)
            except ModuleNotFoundError as missing:
                if missing.name != name:
                    raise
    drawn = [(c.name, c.model, *c.data_sets[0]) for c in nodes._NodeTestCases]
    for case in (c for kind in FOLDERS for c in load_model_tests(kind=kind)):
        folder = Path(case.model_dir)
        model = onnx.load(folder / "model.onnx")
        if len([node for node in model.graph.node if node.op_type != "Constant"]) == 1:
            drawn.append((case.name, model, *stored(onnx, folder / "test_data_set_0")))
    found = {operator: [] for operator in operators}
    for case in [Case(onnx, *content) for content in drawn]:
        if case.operator in found:
            found[case.operator].append(case)
    return {operator: sorted(some, key=lambda c: c.name) for operator, some in found.items()}


def stored(onnx, folder):
    """Return the inputs and outputs that lie in a folder; None for what is no array of numbers."""
    data = []
    for kind in ("input", "output"):
        arrays = []
        for k in range(len(list(folder.glob(f"{kind}_*.pb")))):
            tensor = onnx.TensorProto.FromString((folder / f"{kind}_{k}.pb").read_bytes())
            arrays.append(onnx.numpy_helper.to_array(tensor))
        data.append(arrays)
    return data
