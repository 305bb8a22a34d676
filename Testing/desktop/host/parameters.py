"""A stand-in of ``slicer.parameterNodeWrapper``: typed fields kept on an MRML node and bound to widgets."""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import slicer
import vtk


@dataclass(frozen=True)
class WithinRange:
    """A number between two bounds."""

    minimum: float
    maximum: float

    def check(self, value: Any) -> None:
        """Refuse what lies outside."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value {value} is not within [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    choices: typing.Sequence[Any]

    def check(self, value: Any) -> None:
        """Refuse any other."""
        if value not in self.choices:
            raise ValueError(f"Value {value} is not one of {self.choices}")


@dataclass(frozen=True)
class Default:
    """The value to begin with."""

    value: Any


@dataclass(frozen=True)
class _Field:
    name: str
    kind: Any
    checks: tuple[Any, ...]
    default: Any

    @property
    def is_node(self) -> bool:
        return isinstance(self.kind, type) and issubclass(self.kind, slicer.vtkMRMLNode)

    def text_of(self, value: Any) -> str:
        if isinstance(value, enum.Enum):
            return value.name
        return str(int(value)) if isinstance(value, bool) else str(value)

    def value_of(self, text: str) -> Any:
        if self.kind is bool:
            return text == "1"
        if isinstance(self.kind, type) and issubclass(self.kind, enum.Enum):
            return self.kind[text]
        return self.kind(text)

    def check(self, value: Any) -> Any:
        if self.kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} takes {self.kind}, not {value!r}")
        for one in self.checks:
            one.check(value)
        return value


def parameter_node_wrapper(cls: type) -> type:
    """The class decorator: fields of the class become properties that live on a node."""
    if any(isinstance(kind, str) for kind in cls.__annotations__.values()):
        raise TypeError("Slicer evaluates the annotations: do without 'from __future__ import annotations' here")
    fields = {name: _field(cls, name, kind) for name, kind in typing.get_type_hints(cls, include_extras=True).items()}
    for name, field in fields.items():
        setattr(cls, name, _property(field))
    for name in ("connectGui", "disconnectGui", "AddObserver", "RemoveObserver", "HasObserver", "StartModify", "EndModify"):
        setattr(cls, name, globals()[f"_{name}"])
    cls.__init__ = _initialiser(fields)
    cls._fields = fields
    return cls


def _field(cls: type, name: str, kind: Any) -> _Field:
    extras: tuple[Any, ...] = ()
    if typing.get_origin(kind) is typing.Annotated:
        kind, *rest = typing.get_args(kind)
        extras = tuple(rest)
    zero = {str: "", bool: False, int: 0, float: 0.0, pathlib.Path: pathlib.Path()}
    annotated = [one.value for one in extras if isinstance(one, Default)]
    default = vars(cls).get(name, annotated[0] if annotated else zero.get(kind))
    return _Field(name, kind, tuple(one for one in extras if hasattr(one, "check")), default)


def _initialiser(fields: dict[str, _Field]) -> Callable[..., None]:
    def construct(self: Any, parameterNode: slicer.vtkMRMLScriptedModuleNode, prefix: str | None = None) -> None:
        vars(self)["parameterNode"] = parameterNode
        for field in fields.values():
            if not field.is_node and not parameterNode.HasParameter(field.name) and field.default is not None:
                parameterNode.SetParameter(field.name, field.text_of(field.default))

    return construct


def _property(field: _Field) -> property:
    def get(self: Any) -> Any:
        if field.is_node:
            return self.parameterNode.GetNodeReference(field.name)
        return field.value_of(self.parameterNode.GetParameter(field.name))

    def put(self: Any, value: Any) -> None:
        if field.is_node:
            if value is not None and not isinstance(value, field.kind):
                raise TypeError(f"{field.name} takes {field.kind}, not {value!r}")
            self.parameterNode.SetNodeReferenceID(field.name, value.GetID() if value is not None else None)
            return
        self.parameterNode.SetParameter(field.name, field.text_of(field.check(value)))

    return property(get, put)


def _AddObserver(self: Any, event: Any, callback: Callable[..., Any], priority: float = 0.0) -> int:
    return self.parameterNode.AddObserver(event, callback, priority)


def _RemoveObserver(self: Any, tag: int) -> None:
    self.parameterNode.RemoveObserver(tag)


def _HasObserver(self: Any, *words: Any) -> int:
    return self.parameterNode.HasObserver(*words)


def _StartModify(self: Any) -> int:
    return self.parameterNode.StartModify()


def _EndModify(self: Any, state: int) -> int:
    return self.parameterNode.EndModify(state)


@dataclass
class _Bond:
    """A widget and the field it shows."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    signal: Any


def _bond(widget: Any, field: _Field) -> _Bond:
    """Slicer looks at the exact class of the widget, and at the type of the field; what it refuses is refused here."""
    kind = type(widget).__name__
    if kind == "qMRMLNodeComboBox" and field.is_node:
        widget.nodeTypes = [field.kind.__name__]
        return _Bond(widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)
    if kind == "QComboBox" and issubclass(field.kind, enum.Enum):
        return _enum_bond(widget, list(field.kind))
    if field.kind is bool and (kind == "QCheckBox" or (kind == "QPushButton" and widget.checkable)):
        return _Bond(lambda: widget.checked, lambda value: setattr(widget, "checked", value), widget.toggled)
    if (kind, field.kind) in (("ctkSliderWidget", float), ("QDoubleSpinBox", float), ("QSpinBox", int)):
        bounds = next((check for check in field.checks if isinstance(check, WithinRange)), None)
        if bounds is None:
            raise RuntimeError(f"Slicer needs bounds for {field.name}")
        widget.minimum, widget.maximum = bounds.minimum, bounds.maximum
        return _Bond(lambda: field.kind(widget.value), lambda value: setattr(widget, "value", value), widget.valueChanged)
    if kind == "QLineEdit" and field.kind is str:
        return _Bond(lambda: widget.text, lambda value: setattr(widget, "text", value), widget.textChanged)
    if kind == "ctkPathLineEdit" and field.kind is pathlib.Path:
        write = lambda value: setattr(widget, "currentPath", str(value))  # noqa: E731 - Slicer shows "." for no path, too
        return _Bond(lambda: pathlib.Path(widget.currentPath), write, widget.currentPathChanged)
    raise RuntimeError(f"Slicer cannot bind a {kind} to {field.kind}")


def _enum_bond(widget: Any, members: list[enum.Enum]) -> _Bond:
    widget.clear()
    for member in members:
        widget.addItem(member.label() if hasattr(member, "label") else member.name)
    return _Bond(
        lambda: members[widget.currentIndex],
        lambda value: widget.setCurrentIndex(members.index(value)),
        widget.currentIndexChanged,
    )


def _connectGui(self: Any, gui: Any) -> int:
    bonds = []
    state = {"busy": False}
    for widget in vars(gui).values():
        name = widget.property("SlicerParameterName")
        if not name:
            continue
        if name not in self._fields:
            raise ValueError(f"There is no parameter {name} for {widget.name}")
        bonds.append((name, _bond(widget, self._fields[name])))

    def to_gui(*_: Any) -> None:
        if state["busy"]:
            return
        state["busy"] = True
        try:
            for name, bond in bonds:
                value = getattr(self, name)
                if bond.read() != value:
                    bond.write(value)
        finally:
            state["busy"] = False

    def to_node(name: str, bond: _Bond) -> Callable[..., None]:
        def change(*_: Any) -> None:
            if not state["busy"]:
                setattr(self, name, bond.read())

        return change

    to_gui()
    slots = [(bond.signal, to_node(name, bond)) for name, bond in bonds]
    for signal, slot in slots:
        signal.connect(slot)
    tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, to_gui)
    vars(self).setdefault("_guis", {})[tag] = slots
    return tag


def _disconnectGui(self: Any, tag: int) -> None:
    for signal, slot in vars(self).get("_guis", {}).pop(tag, []):
        signal.disconnect(slot)
    self.parameterNode.RemoveObserver(tag)


def module() -> ModuleType:
    """The module ``slicer.parameterNodeWrapper``."""
    found = ModuleType("slicer.parameterNodeWrapper")
    vars(found).update(
        parameterNodeWrapper=parameter_node_wrapper, WithinRange=WithinRange, Choice=Choice, Default=Default,
    )  # fmt: skip
    return found
