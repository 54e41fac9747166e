"""One small file of each format, laid out as its tool writes it; all state the same two boxes."""

import csv
import io
import json
from pathlib import Path

import pandas as pd

from salcompare.sources.importers import Imported, Options, import_responses
from tests.sources.photos import catalogue, write

WIDTH, HEIGHT = 160, 200
IDS = ["s1/1", "s1/2", "s2/1", "s2/2"]
IMAGES = catalogue(IDS, height=HEIGHT, width=WIDTH).assign(
    file=[f"data/raw/photographs/{name}.png" for name in IDS])
TRUTH = [("s1/1", "nose", 40.0, 50.0, 80.0, 100.0), ("s2/1", "Eyes", 16.0, 30.0, 128.0, 60.0)]
"""What every sample states: image, label, x0, y0, x1, y1."""

MTURK_COLUMNS = ("HITId", "HITTypeId", "Title", "Reward", "CreationTime", "AssignmentId", "WorkerId",
                 "AssignmentStatus", "AcceptTime", "SubmitTime", "WorkTimeInSeconds", "Input.image_url")
URL = "https://bucket.s3.amazonaws.com/faces/{}.png"


def box(label="nose", left=40, top=50, width=40, height=50):
    """A box as crowd-bounding-box writes it."""
    return {"height": height, "label": label, "left": left, "top": top, "width": width}


def mturk_cells(answers, *, image="s1/1", worker="A1B2C3", status="Submitted", **others):
    """The cells of one assignment; answers are columns or their JSON."""
    cells = {"HITId": "3DZKABX20MGFBZFK6X", "HITTypeId": "3A16Z74070", "Title": "Draw a box, please",
             "Reward": "$0.05", "CreationTime": "Fri Apr 17 13:26:15 PDT 2020", "AssignmentId": "3IHR8NYAMCC1",
             "WorkerId": worker, "AssignmentStatus": status, "AcceptTime": "Fri Apr 17 13:33:37 PDT 2020",
             "SubmitTime": "Fri Apr 17 13:38:03 PDT 2020", "WorkTimeInSeconds": "266",
             "Input.image_url": URL.format(image) if image else ""}
    answers = {f"Answer.{name}": value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
               for name, value in answers.items()}
    return {**cells, **answers, **others}


def crowd_list(*boxes, width=WIDTH, height=HEIGHT, element="annotatedResult"):
    """The layout with a JSON list in Answer.taskAnswers."""
    return {"taskAnswers": [{element: {"boundingBoxes": list(boxes),
                                       "inputImageProperties": {"height": height, "width": width}}}]}


def crowd_flat(*boxes, width=WIDTH, height=HEIGHT, element="annotatedResult"):
    """The flattened layout, with a column for each part."""
    return {f"{element}.boundingBoxes": list(boxes), f"{element}.inputImageProperties.height": str(height),
            f"{element}.inputImageProperties.width": str(width)}


def mturk_file(*rows, short=True, columns=None):
    """A batch's results: every cell quoted, Approve and Reject only in the header where `short`, as real files have."""
    names = list(columns or dict.fromkeys(name for row in rows for name in row if name not in {"Approve", "Reject"}))
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*names, "Approve", "Reject"])
    for row in rows:
        ends = [] if short else [row.get("Approve", ""), row.get("Reject", "")]
        writer.writerow([*(row.get(name, "") for name in names), *ends])
    return stream.getvalue()


EYES = box("Eyes", 16, 30, 112, 30)
MTURK = mturk_file(mturk_cells(crowd_flat(box())), mturk_cells(crowd_flat(EYES), image="s2/1"))
MTURK_LIST = mturk_file(mturk_cells(crowd_list(box())), mturk_cells(crowd_list(EYES), image="s2/1"))
MTURK_FORM = mturk_file(
    mturk_cells({"label": "nose", "x0": "40", "y0": "50", "x1": "80", "y1": "100"}),
    mturk_cells({"label": "Eyes", "x0": "16", "y0": "30", "x1": "128", "y1": "60"}, image="s2/1"))


def label_studio_task(image, label, x0, y0, x1, y1, **annotation):
    """A task of Label Studio's export with one annotation, in percent."""
    value = {"x": 100 * x0 / WIDTH, "y": 100 * y0 / HEIGHT, "width": 100 * (x1 - x0) / WIDTH,
             "height": 100 * (y1 - y0) / HEIGHT, "rotation": 0, "rectanglelabels": [label]}
    result = {"id": "Dx_aB3", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
              "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "value": value}
    return {"id": 7, "data": {"image": f"/data/local-files/?d=faces/{image}.png"}, "predictions": [],
            "annotations": [{"id": 3, "completed_by": 5, "lead_time": 8.25, "was_cancelled": False,
                             "created_at": "2024-05-01T10:00:00.000000Z", "result": [result], **annotation}]}


LABEL_STUDIO = json.dumps([label_studio_task(*row) for row in TRUTH])
LABEL_STUDIO_MIN = json.dumps([{"image": f"/data/upload/1/0a1b2c3d-{image.replace('/', '_')}.png", "id": at,
                                "annotator": 5, "annotation_id": at, "lead_time": 8.25, "label": [{
                                    **task["annotations"][0]["result"][0]["value"], "original_width": WIDTH,
                                    "original_height": HEIGHT}]}
                               for at, (task, (image, *_)) in enumerate(
                                   (label_studio_task(*row), row) for row in TRUTH)])


def via_regions():
    """Shape and attributes of each box."""
    return [({"name": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
             {"feature": label, "worker": "w7"})
            for _, label, x0, y0, x1, y1 in TRUTH]


def _via_csv():
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["filename", "file_size", "file_attributes", "region_count", "region_id",
                     "region_shape_attributes", "region_attributes"])
    for (shape, attributes), (image, *_) in zip(via_regions(), TRUTH, strict=True):
        writer.writerow([f"{image}.png", 1234, "{}", 1, 0, json.dumps(shape), json.dumps(attributes)])
    return stream.getvalue()


VIA_CSV = _via_csv()
VIA_JSON = json.dumps({"_via_settings": {}, "_via_img_metadata": {f"{image}.png1234": {
    "filename": f"{image}.png", "size": 1234, "file_attributes": {},
    "regions": [{"shape_attributes": shape, "region_attributes": attributes}]}
    for (shape, attributes), (image, *_) in zip(via_regions(), TRUTH, strict=True)}, "_via_attributes": {}})


def _manifest_line(image, label, x0, y0, x1, y1):
    return json.dumps({"source-ref": f"s3://bucket/faces/{image}.png", "faces": {
        "image_size": [{"width": WIDTH, "height": HEIGHT, "depth": 3}],
        "annotations": [{"class_id": 0, "left": x0, "top": y0, "width": x1 - x0, "height": y1 - y0}]},
        "faces-metadata": {"objects": [{"confidence": 0.09}], "class-map": {"0": label}, "human-annotated": "yes",
                           "type": "groundtruth/object-detection", "creation-date": "2020-05-01T10:00:00.123456",
                           "job-name": "labeling-job/faces"}})


MANIFEST = "\n".join(_manifest_line(*row) for row in TRUTH) + "\n"
CONSOLIDATION = json.dumps([{"datasetObjectId": str(at), "dataObject": {"s3Uri": f"s3://bucket/faces/{image}.png"},
                             "annotations": [{"workerId": "private.us-east-1.AB12", "annotationData": {
                                 "content": json.dumps({"faces": {
                                     "boundingBoxes": [box(label, x0, y0, x1 - x0, y1 - y0)],
                                     "inputImageProperties": {"height": HEIGHT, "width": WIDTH}}})}}]}
                            for at, (image, label, x0, y0, x1, y1) in enumerate(TRUTH)])

COCO = json.dumps({
    "images": [{"id": at, "file_name": f"{row[0]}.png", "width": WIDTH, "height": HEIGHT}
               for at, row in enumerate(TRUTH)],
    "categories": [{"id": at, "name": row[1]} for at, row in enumerate(TRUTH)],
    "annotations": [{"id": at, "image_id": at, "category_id": at, "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0,
                     "area": 1, "attributes": {"annotator": "w7"}} for at, (_, _, x0, y0, x1, y1) in enumerate(TRUTH)]})

CVAT = "<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version><meta><task/></meta>" + "".join(
    f'<image id="{at}" name="{image}.png" width="{WIDTH}" height="{HEIGHT}"><box label="{label}" source="manual" '
    f'occluded="0" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}" z_order="0"><attribute name="worker">w7</attribute>'
    "</box></image>" for at, (image, label, x0, y0, x1, y1) in enumerate(TRUTH)) + "</annotations>\n"


def voc(image, label, x0, y0, x1, y1):
    """A Pascal VOC file: pixels counted from 1, the last inside the box."""
    folder, name = image.split("/")
    return (f"<annotation><folder>{folder}</folder><filename>{name}.png</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height><depth>3</depth></size><object><name>{label}</name><pose>Frontal</pose>"
            f"<bndbox><xmin>{x0 + 1:g}</xmin><ymin>{y0 + 1:g}</ymin><xmax>{x1:g}</xmax><ymax>{y1:g}</ymax></bndbox>"
            "</object></annotation>")


def labelme(image, label, x0, y0, x1, y1):
    """A LabelMe file, its corners not in order."""
    return json.dumps({"version": "5.4.1", "flags": {}, "imagePath": f"{image}.png", "imageData": None,
                       "imageHeight": HEIGHT, "imageWidth": WIDTH, "shapes": [{
                           "label": label, "points": [[x1, y0], [x0, y1]], "group_id": None, "flags": {},
                           "description": "", "shape_type": "rectangle"}]})


def yolo(at, x0, y0, x1, y1):
    """A line of a YOLO file."""
    return (f"{at} {(x0 + x1) / 2 / WIDTH:.6f} {(y0 + y1) / 2 / HEIGHT:.6f} {(x1 - x0) / WIDTH:.6f} "
            f"{(y1 - y0) / HEIGHT:.6f}\n")


FILES = {
    "mturk, flattened": ("mturk", {"Batch_1_batch_results.csv": MTURK}),
    "mturk, JSON list": ("mturk", {"Batch_2_batch_results.csv": MTURK_LIST}),
    "mturk, HTML form": ("mturk", {"Batch_3_batch_results.csv": MTURK_FORM}),
    "Label Studio JSON": ("label-studio", {"project.json": LABEL_STUDIO}),
    "Label Studio JSON-MIN": ("label-studio", {"min.json": LABEL_STUDIO_MIN}),
    "VIA CSV": ("via-csv", {"via_region_data.csv": VIA_CSV}),
    "VIA JSON": ("via-json", {"via_project.json": VIA_JSON}),
    "Ground Truth manifest": ("ground-truth", {"output.manifest": MANIFEST}),
    "Ground Truth consolidation": ("ground-truth", {"request.json": CONSOLIDATION}),
    "COCO": ("coco", {"instances.json": COCO}),
    "CVAT": ("cvat", {"annotations.xml": CVAT}),
    "Pascal VOC": ("voc", {"one.xml": voc(*TRUTH[0]), "two.xml": voc(*TRUTH[1])}),
    "LabelMe": ("labelme", {"one.json": labelme(*TRUTH[0]), "two.json": labelme(*TRUTH[1])}),
    "YOLO": ("yolo", {"classes.txt": "nose\nEyes\n", "s1/1.txt": yolo(0, *TRUTH[0][2:]),
                      "s2/1.txt": yolo(1, *TRUTH[1][2:])}),
}
"""Format and files of each sample; several files are a folder."""


def put(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write a sample; gives its only file, or the folder."""
    paths = [write(root / "export" / name, content) for name, content in files.items()]
    return paths[0] if len(paths) == 1 else root / "export"


def take(root: Path, content: str | bytes, *, name="file.csv", images=IMAGES, file_format=None, **options) -> Imported:
    """Import one file."""
    return import_responses(write(root / name, content), images, file_format=file_format, options=Options(**options))


def rows(imported: Imported, *columns: str) -> list[tuple[object, ...]]:
    """The boxes that were taken, as tuples."""
    table: pd.DataFrame = imported.responses[list(columns or ("image", "label", "x0", "y0", "x1", "y1"))]
    return list(table.itertuples(index=False, name=None))


def reasons(imported: Imported) -> list[str]:
    """Why the others were refused."""
    return imported.refused["reason"].tolist()
