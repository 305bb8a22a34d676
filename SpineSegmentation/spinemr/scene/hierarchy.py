"""Places in the subject hierarchy: results beside what they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import slicer


def place_beside(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode, neighbour: slicer.vtkMRMLNode | None) -> None:
    """Put a node into the folder or study of another one; without a neighbour, below the scene."""
    hierarchy = hierarchy_of(scene)
    parent = hierarchy.GetSceneItemID()
    if neighbour is not None:
        parent = hierarchy.GetItemParent(item_of(scene, neighbour)) or parent
    hierarchy.SetItemParent(item_of(scene, node), parent)


def add_folder(
    scene: slicer.vtkMRMLScene, name: str, nodes: Iterable[slicer.vtkMRMLNode], *, beside: slicer.vtkMRMLNode | None = None
) -> int:
    """A folder that holds nodes, beside another node; returns its item."""
    hierarchy = hierarchy_of(scene)
    parent = hierarchy.GetSceneItemID()
    if beside is not None:
        parent = hierarchy.GetItemParent(item_of(scene, beside)) or parent
    folder: int = hierarchy.CreateFolderItem(parent, name)
    for node in nodes:
        hierarchy.SetItemParent(item_of(scene, node), folder)
    return folder


def item_of(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> int:
    """The item of a node; made where there is none, as in a scene without Slicer's plugins."""
    hierarchy = hierarchy_of(scene)
    item: int = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    return item


def hierarchy_of(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSubjectHierarchyNode:
    """The subject hierarchy of a scene."""
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
