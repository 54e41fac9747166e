"""SageMaker Ground Truth: output manifests, and requests for consolidation, which name the workers."""

from collections.abc import Iterator
from typing import Any

from salcompare.errors import InputError
from salcompare.sources.importers import entries
from salcompare.sources.importers.content import Content, json_mapping, parse_json
from salcompare.sources.importers.entries import Drawn, Entry, Node, Options, Refused, RefusedError, entry, show
from salcompare.sources.importers.mturk import moment


def read_ground_truth(content: Content, options: Options) -> Iterator[Entry]:  # noqa: ARG001 - an importer's signature
    """Read boxes of a labelling job: left, top, width and height in pixels of the image of the size stated.

    An output manifest (JSON lines) holds what the job made of all workers' boxes and names nobody. A request for
    consolidation (a JSON list) holds each worker's own boxes: prefer it where there is one.
    """
    try:
        requests = content.json
    except InputError:  # lines of JSON are no JSON as a whole
        requests = None
    if isinstance(requests, list):
        for where, request in entries.numbered(requests, content.shown):
            yield from _request(where, request)
        return
    for where, value in _lines(content):
        if isinstance(value, InputError):
            yield Refused(where, "not_json", value.problems[0].found)
        elif not isinstance(value, dict):
            yield Refused(where, "layout", f"the line is {show(value)}, no object with named values")
        else:
            yield from _line(where, value)


def _lines(content: Content) -> Iterator[tuple[str, Any]]:
    lines = [(at, line) for at, line in enumerate(content.text.split("\n"), start=1) if line.strip()]
    try:  # one object that was printed over several lines
        whole = content.json if len(lines) > 1 else None
    except InputError:
        whole = None
    if isinstance(whole, dict):
        yield f"{content.shown} row {lines[0][0]}", whole
        return
    for at, line in lines:
        try:
            value = parse_json(line, content.shown)
        except InputError as error:
            value = error
        yield f"{content.shown} row {at}", value


def _line(where: str, line: Node) -> Iterator[Entry]:
    name = entries.identifier(line.get("source-ref"))
    jobs = [(key, value) for key, value in line.items() if isinstance(value, dict) and "annotations" in value]
    if not jobs:
        yield Refused(where, "no_box", "holds no job's boxes", image=name)
    for job, value in jobs:
        metadata = line.get(f"{job}-metadata")
        known = metadata if isinstance(metadata, dict) else {}
        for place, annotation in entries.numbered(value["annotations"], f"{where} {entries.text(job)}"):
            yield entry(_job_box, place, annotation, name, value, known, image=name)
        if not entries.items(value["annotations"]):
            yield Refused(where, "no_box", f"{entries.text(job)} holds no box", image=name)


def _job_box(where: str, annotation: object, name: str, job: Node, metadata: Node) -> Drawn:
    node = entries.mapping(annotation, "the annotation")
    if metadata.get("human-annotated") == "no":
        raise RefusedError("prediction", "human-annotated=no: a model's, no person's")
    classes = metadata.get("class-map")
    label = entries.text((classes if isinstance(classes, dict) else {}).get(entries.text(node.get("class_id"))))
    if not label:
        raise RefusedError("unknown_class", f"class_id={show(node.get('class_id'))} is not in the class-map")
    size = entries.mapping((entries.items(job.get("image_size")) or [{}])[0], "image_size")
    entries.check_upright(node)
    return Drawn(where, "", entries.spelt(name), label, entries.stated_edges(node), entries.stated_size(size), None,
                 moment(metadata.get("creation-date")))


def _request(where: str, request: object) -> Iterator[Entry]:
    node = request if isinstance(request, dict) else {}
    source = node.get("dataObject")
    name = entries.identifier(source.get("s3Uri")) if isinstance(source, dict) else ""
    answers = list(entries.numbered(node.get("annotations"), f"{where} annotations"))
    for place, answer in answers:
        yield from _answer(place, answer, name)
    if not answers:
        yield Refused(where, "no_box", "holds no worker's annotation", image=name)


def _answer(where: str, answer: object, name: str) -> Iterator[Entry]:
    worker = entries.identifier(answer.get("workerId")) if isinstance(answer, dict) else ""
    try:
        node = entries.mapping(answer, "the annotation")
        data = entries.mapping(node.get("annotationData"), "annotationData")
        content = data.get("content")
        parsed = json_mapping(content, "content") if isinstance(content, str) else entries.mapping(content, "content")
        holders = [value for value in parsed.values() if isinstance(value, dict) and "boundingBoxes" in value]
    except RefusedError as error:
        yield Refused(where, error.reason, error.detail, worker, name)
        return
    boxes = [(box, holder) for holder in holders for box in entries.items(holder["boundingBoxes"])]
    for at, (box, holder) in enumerate(boxes):
        place = f"{where} box {at}"
        yield entry(_worker_box, place, box, holder, worker, name, worker=worker, image=name)
    if not boxes:
        yield Refused(where, "no_box", "the worker drew no box", worker, name)


def _worker_box(where: str, box: object, holder: Node, worker: str, name: str) -> Drawn:
    node = entries.mapping(box, "the box")
    if not worker:
        raise RefusedError("no_worker", "workerId is empty")
    size = entries.stated_size(holder.get("inputImageProperties"))
    entries.check_upright(node)
    return Drawn(where, worker, entries.spelt(name), entries.text(node.get("label")), entries.stated_edges(node), size)
