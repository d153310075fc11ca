"""Lets a test ask the Python side of the wire: a JSON question a line comes in, its answer goes out."""
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "examples"))

from tensor_encoding import decode, encode  # noqa: E402
from tensor_frame import FrameError, Header, Reassembly, Report, chunks_of, open_chunk, seal_chunk  # noqa: E402

REPORT = {
    "spread_us": "spreadUs",
    "spread_bytes": "spreadBytes",
    "queue_us": "queueUs",
    "compute_us": "computeUs",
    "total_us": "totalUs",
}
FIELDS = {
    "tensor_index": "tensorIndex",
    "tensor_count": "tensorCount",
    "chunk_index": "chunkIndex",
    "time_left_us": "timeLeftUs",
}
SAME = ("kind", "boot", "sequence", "model", "exit", "partition", "direction", "encoding", "status", "scale", "offset")


def told(header: Header) -> dict:
    """A header by the names that the platform's own code has for its fields."""
    fields = {name: getattr(header, name) for name in SAME}
    fields |= {ours: getattr(header, name) for name, ours in FIELDS.items()}
    fields |= {ours: asdict(header.report)[name] for name, ours in REPORT.items()}
    place = {"tensorBytes": header.tensor_bytes, "byteOffset": header.byte_offset, "chunkCount": header.chunk_count}
    return {**fields, **place, "dims": list(header.dims)}


def heard(fields: dict, step_bytes: int) -> Header:
    report = Report(**{name: fields[ours] for name, ours in REPORT.items()})
    named = {name: fields[ours] for name, ours in FIELDS.items()}
    same = {name: fields[name] for name in SAME}
    return Header(**same, **named, report=report, dims=tuple(fields["dims"]), step_bytes=step_bytes)


def floats(text: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(text), dtype="<f4")


def answer(question: dict) -> object:
    if "open" in question:
        header, payload = open_chunk(bytes.fromhex(question["open"]))
        return {"header": told(header), "payload": payload.hex()}
    if "seal" in question:
        return seal_chunk(heard(question["seal"], question["stepBytes"]), bytes.fromhex(question["payload"])).hex()
    if "encode" in question:
        content, scale, offset = encode(floats(question["values"]), question["encode"])
        values = decode(content, question["encode"], scale, offset)
        return {"bytes": content.hex(), "scale": scale, "offset": offset, "values": values.astype("<f4").tobytes().hex()}
    if "cut" in question:
        tensors = [floats(each["values"]).reshape(each["dims"]) for each in question["tensors"]]
        return [message.hex() for message in chunks_of(heard(question["cut"], 0), tensors, **question["limits"])]
    reassembly = Reassembly()
    whole = [reassembly.accept(*open_chunk(bytes.fromhex(message))) for message in question["join"]]
    tensors = next((each for each in whole if each is not None), None)
    return tensors and [{"dims": each.shape, "values": each.astype("<f4").tobytes().hex()} for each in tensors]


def main() -> None:
    for line in sys.stdin:
        try:
            print(json.dumps({"answer": answer(json.loads(line))}))
        except FrameError as error:
            print(json.dumps({"code": error.code}))


if __name__ == "__main__":
    main()
