"""Places in the subject hierarchy: results beside what they were made from, and gone from there when they are removed."""

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


def remove_node(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> None:
    """Remove a node with its item in the subject hierarchy and the display and storage nodes that only it uses."""
    helpers = [node.GetNthNodeReference(role, index)
               for role in ("display", "storage") for index in range(node.GetNumberOfNodeReferences(role))]  # fmt: skip
    hierarchy = hierarchy_of(scene)
    item = hierarchy.GetItemByDataNode(node)
    scene.RemoveNode(node)
    remove_item(scene, item)  # Slicer's own plugins have done so already
    for helper in helpers:
        if helper is not None and not _is_used(scene, helper):
            scene.RemoveNode(helper)


def remove_item(scene: slicer.vtkMRMLScene, item: int) -> None:
    """Remove an item, where it is there; what lies below it moves up, and no node goes."""
    hierarchy = hierarchy_of(scene)
    if _has_item(hierarchy, item):
        hierarchy.RemoveItem(item, False, False)


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


def _is_used(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> bool:
    others = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return any(scene.IsNodeReferencingNodeID(other, node.GetID()) for other in others)


def _has_item(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, item: int) -> bool:
    import vtk

    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return any(found.GetId(index) == item for index in range(found.GetNumberOfIds()))
