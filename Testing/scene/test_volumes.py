"""Images into volume nodes and back: position, type and values."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.imaging.geometry import Grid

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.hierarchy import hierarchy_of, item_of  # noqa: E402
from spinemr.scene.volumes import add_volume, image_of, set_image  # noqa: E402

TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, np.float32, np.float64)


def values_of(image):
    return sitk.GetArrayFromImage(image)


def ras_of_voxel(volume, index):
    """What MRML itself says about a voxel's position, parent transforms included."""
    import vtk

    matrix, parent = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetMatrixTransformToWorld(parent)
    return np.array(parent.MultiplyPoint(matrix.MultiplyPoint((*map(float, index), 1.0))))[:3]


def test_an_image_comes_back_bit_by_bit_in_every_orientation(scene, image):
    again = image_of(add_volume(scene, image, "T2"))
    assert Grid.of(again) == Grid.of(image)
    assert again.GetPixelID() == image.GetPixelID()
    np.testing.assert_array_equal(values_of(again), values_of(image))


def test_mrml_finds_each_voxel_where_itk_has_it(scene, image):
    volume = add_volume(scene, image, "T2")
    for index in [(0, 0, 0), (8, 0, 0), (0, 6, 0), (0, 0, 4), (3, 5, 2)]:
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(ras_of_voxel(volume, index), (-x, -y, z), atol=1e-6)
        assert volume.GetImageData().GetScalarComponentAsDouble(*index, 0) == image[index]


@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
def test_scalar_types_stay(scene, dtype, oblique_image):
    array = values_of(oblique_image).astype(dtype)
    typed = sitk.GetImageFromArray(array)
    again = values_of(image_of(add_volume(scene, typed, "typed")))
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, array)


def test_a_copy_is_made_in_both_directions(scene, oblique_image):
    expected = values_of(oblique_image)
    volume = add_volume(scene, oblique_image, "T2")
    taken = image_of(volume)
    oblique_image[0, 0, 0] = 99
    volume.GetImageData().SetScalarComponentFromDouble(1, 0, 0, 0, 77)
    np.testing.assert_array_equal(values_of(taken), expected)
    assert volume.GetImageData().GetScalarComponentAsDouble(0, 0, 0, 0) == expected[0, 0, 0]


def test_a_single_slice_is_a_volume_of_one(scene):
    flat = sitk.GetImageFromArray(np.arange(12, dtype=np.float32).reshape(1, 3, 4))
    again = image_of(add_volume(scene, flat, "slice"))
    assert again.GetSize() == (4, 3, 1)
    np.testing.assert_array_equal(values_of(again), values_of(flat))


@pytest.mark.parametrize("kind", ["turn", "scale", "mirror"])
def test_parent_transforms_are_applied_and_shared_by_results(scene, image, transform_of, kind):
    matrices = {
        "turn": [[0.0, -1.0, 0.0, 5.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 1.0, 11.0], [0.0, 0.0, 0.0, 1.0]],
        "scale": np.diag([2.0, 2.0, 2.0, 1.0]),
        "mirror": np.diag([-1.0, 1.0, 1.0, 1.0]),
    }
    volume = add_volume(scene, image, "T2")
    volume.SetAndObserveTransformNodeID(transform_of(matrices[kind]).GetID())
    seen = image_of(volume)
    for index in [(0, 0, 0), (8, 6, 4), (1, 2, 3)]:
        x, y, z = seen.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(ras_of_voxel(volume, index), (-x, -y, z), atol=1e-6)
    result = add_volume(scene, seen, "harmonized", like=volume)
    assert result.GetTransformNodeID() == volume.GetTransformNodeID()
    for index in [(0, 0, 0), (8, 6, 4), (1, 2, 3)]:
        np.testing.assert_allclose(ras_of_voxel(result, index), ras_of_voxel(volume, index), atol=1e-6)
    assert Grid.of(image_of(result)) == Grid.of(seen)


def test_nested_transforms_are_applied_in_their_order(scene, oblique_image, transform_of):
    outer = transform_of([[0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    inner = transform_of([[1, 0, 0, 10], [0, 0, -1, 20], [0, 1, 0, 30], [0, 0, 0, 1]])
    inner.SetAndObserveTransformNodeID(outer.GetID())
    volume = add_volume(scene, oblique_image, "T2")
    volume.SetAndObserveTransformNodeID(inner.GetID())
    x, y, z = image_of(volume).TransformIndexToPhysicalPoint((1, 2, 3))
    np.testing.assert_allclose(ras_of_voxel(volume, (1, 2, 3)), (-x, -y, z), atol=1e-6)


def test_an_image_on_another_grid_is_placed_in_the_world(scene, oblique_image, transform_of):
    volume = add_volume(scene, oblique_image, "T2")
    volume.SetAndObserveTransformNodeID(transform_of(np.diag([2.0, 2.0, 2.0, 1.0])).GetID())
    result = add_volume(scene, oblique_image, "elsewhere", like=volume)
    assert result.GetTransformNodeID() is None
    assert Grid.of(image_of(result)) == Grid.of(oblique_image)


def test_a_transform_that_shears_is_refused_with_a_sentence(scene, oblique_image, transform_of):
    volume = add_volume(scene, oblique_image, "T2")
    shear = np.eye(4)
    shear[0, 1] = 0.2
    volume.SetAndObserveTransformNodeID(transform_of(shear).GetID())
    with pytest.raises(GeometryError, match=r"shears them\. Resample"):
        image_of(volume)


def test_a_transform_that_bends_is_refused_with_a_sentence(scene, oblique_image):
    import vtk

    volume = add_volume(scene, oblique_image, "T2")
    bend = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for point in [(0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50), (50, 50, 50)]:
        points.InsertNextPoint(*point)
        moved.InsertNextPoint(point[0], point[1], point[2] + point[0] * point[1] / 100)
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    bend.SetAndObserveTransformToParent(spline)
    volume.SetAndObserveTransformNodeID(bend.GetID())
    with pytest.raises(GeometryError, match=r"bends space\. Harden it"):
        image_of(volume)


def test_what_is_no_volume_of_single_values_is_refused_and_leaves_no_node(scene):
    vector = sitk.Image([3, 3, 3], sitk.sitkVectorFloat32, 3)
    for unfit in (vector, sitk.Image([3, 3], sitk.sitkUInt8), sitk.Image([3, 3, 3], sitk.sitkComplexFloat32)):
        with pytest.raises(InputError):
            add_volume(scene, unfit, "unfit")
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Name of a patient")
    with pytest.raises(InputError, match="holds no image") as said:
        image_of(empty)
    assert "patient" not in str(said.value)


def test_colour_volumes_are_refused(scene):
    import vtk

    data = vtk.vtkImageData()
    data.SetDimensions(2, 2, 2)
    data.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    volume = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode")
    volume.SetAndObserveImageData(data)
    with pytest.raises(InputError, match="colours or vectors"):
        image_of(volume)


def test_an_extent_that_does_not_start_at_zero_moves_no_voxel(scene, oblique_image):
    volume = add_volume(scene, oblique_image, "T2")
    before = image_of(volume)
    volume.GetImageData().SetExtent(2, 10, -1, 5, 3, 7)
    moved = image_of(volume)
    expected = before.TransformContinuousIndexToPhysicalPoint((2.0, -1.0, 3.0))
    np.testing.assert_allclose(moved.GetOrigin(), expected, atol=1e-6)
    result = add_volume(scene, moved, "result", like=volume)
    np.testing.assert_allclose(image_of(result).GetOrigin(), expected, atol=1e-6)


def test_setting_an_image_replaces_the_old_one_in_one_event(scene, oblique_image, image):
    volume = add_volume(scene, oblique_image, "T2")
    events = []
    volume.AddObserver("ModifiedEvent", lambda *_: events.append(1))
    set_image(volume, sitk.Cast(image, sitk.sitkFloat32))
    assert len(events) == 1
    again = image_of(volume)
    assert Grid.of(again) == Grid.of(image)
    assert again.GetPixelID() == sitk.sitkFloat32


def test_results_lie_beside_their_input_in_the_subject_hierarchy(scene, oblique_image):
    hierarchy = hierarchy_of(scene)
    original = add_volume(scene, oblique_image, "T2")
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(item_of(scene, original), study)
    result = add_volume(scene, oblique_image, "T2 harmonized", like=original)
    assert hierarchy.GetItemParent(item_of(scene, result)) == study
    assert hierarchy.GetItemName(item_of(scene, result)) == "T2 harmonized"


def test_label_map_volumes_are_label_maps(scene, oblique_image):
    node = add_volume(scene, oblique_image, "labels", label_map=True)
    assert node.IsA("vtkMRMLLabelMapVolumeNode")
    assert node.GetDisplayNode().IsA("vtkMRMLLabelMapVolumeDisplayNode")
    np.testing.assert_array_equal(values_of(image_of(node)), values_of(oblique_image))
