"""The tensor frame of docs/wire.md, version 2: what devices and workers send each other, without any transport.

Refused messages raise FrameError, whose code is the one that the platform itself gives.
"""
import math
import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Iterator, Sequence

import numpy as np

from tensor_encoding import ENCODINGS, IMAGE_ENCODINGS, WIDTHS, decode, encode

MAGIC = 0x4645
VERSION = 2
KINDS = ("request", "reply", "probe", "probe-reply")
DIRECTIONS = ("device-first", "edge-first")
WIRE_ENCODINGS = ENCODINGS + IMAGE_ENCODINGS
STATUSES = ("ok", "expired", "overloaded", "unavailable", "invalid")
MAX_RANK = 8
MOST_CHUNKS = 0xFFFF
MOST_TENSOR_BYTES = 0xFFFF_FFFF

_FIXED = struct.Struct("<HBBIIIHBBBBHI")
_CRC = slice(4, 8)
_ASKED = struct.Struct("<8sI")
_REPORT = struct.Struct("<5I")
_AFFINE = struct.Struct("<2f")


class FrameError(ValueError):
    """A message that is no valid chunk, or contradicts an earlier one."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True)
class Report:
    """What a worker says of its part of a reply: microseconds, and bytes of messages."""

    spread_us: int = 0
    spread_bytes: int = 0
    queue_us: int = 0
    compute_us: int = 0
    total_us: int = 0


@dataclass(frozen=True)
class Header:
    """Of one chunk; `model` and `time_left_us` are a request's or probe's, `report` a reply's."""

    kind: str
    boot: int
    sequence: int
    exit: int
    partition: int
    direction: str = "device-first"
    encoding: str = "f32"
    status: str = "ok"
    dims: tuple[int, ...] = (0,)
    tensor_index: int = 0
    tensor_count: int = 1
    chunk_index: int = 0
    step_bytes: int = 0
    model: str = ""
    time_left_us: int = 0
    report: Report = field(default_factory=Report)
    scale: float = 1.0
    offset: float = 0.0

    @property
    def answers(self) -> bool:
        return self.kind in ("reply", "probe-reply")

    @property
    def tensor_bytes(self) -> int:
        elements = 1
        for size in self.dims:
            elements *= size
        return elements * WIDTHS[self.encoding]

    @property
    def chunk_count(self) -> int:
        return -(-self.tensor_bytes // self.step_bytes) if self.step_bytes > 0 else 1

    @property
    def byte_offset(self) -> int:
        return self.chunk_index * self.step_bytes


def seal_chunk(header: Header, payload: bytes) -> bytes:
    """The MQTT payload of one chunk."""
    _require_consistent(header)
    _require_step(header, len(payload))
    form = KINDS.index(header.kind) | DIRECTIONS.index(header.direction) << 2
    form |= WIRE_ENCODINGS.index(header.encoding) << 4
    rank_and_status = len(header.dims) | STATUSES.index(header.status) << 4
    plan = (header.partition, header.exit, rank_and_status)
    place = (header.tensor_index, header.tensor_count, header.chunk_index, header.step_bytes)
    message = bytearray(_FIXED.pack(MAGIC, VERSION, form, 0, header.boot, header.sequence, *plan, *place))
    if header.answers:
        told = header.report
        message += _REPORT.pack(told.spread_us, told.spread_bytes, told.queue_us, told.compute_us, told.total_us)
    else:
        message += _ASKED.pack(bytes.fromhex(header.model), header.time_left_us)
    if header.encoding == "u8":
        message += _AFFINE.pack(header.scale, header.offset)
    for size in header.dims:
        message += _varint(size)
    message += payload
    message[_CRC] = struct.pack("<I", zlib.crc32(message))
    return bytes(message)


def open_chunk(message: bytes) -> tuple[Header, memoryview]:
    """The header and the payload (a view, not a copy) of an MQTT payload, with all that one chunk can tell checked."""
    if len(message) < _FIXED.size:
        raise FrameError("frame-truncated", f"{len(message)} bytes are no header")
    magic, version, form, crc, boot, sequence, partition, exit_point, *rest = _FIXED.unpack_from(message)
    if magic != MAGIC:
        raise FrameError("frame-invalid", "no tensor frame")
    if version != VERSION:
        raise FrameError("frame-version", f"version {version}, expected {VERSION}")
    if zlib.crc32(message[8:], zlib.crc32(message[:4] + bytes(4))) != crc:
        raise FrameError("frame-corrupt", "the checksum does not match")
    if form & 0x08:
        raise FrameError("frame-invalid", "a bit is set that has no meaning")
    encoding = _member(WIRE_ENCODINGS, form >> 4, "encoding")
    header = Header(KINDS[form & 0x03], boot, sequence, exit_point, partition, DIRECTIONS[form >> 2 & 0x01], encoding)
    header, dims_at = _read_parts(message, header)
    rank_and_status, tensor_index, tensor_count, chunk_index, step_bytes = rest
    dims, payload_at = _read_dims(message, dims_at, rank_and_status & 0x0F)
    status = _member(STATUSES, rank_and_status >> 4, "status")
    header = replace(header, status=status, dims=dims, tensor_index=tensor_index, tensor_count=tensor_count)
    header = replace(header, chunk_index=chunk_index, step_bytes=step_bytes)
    _require_consistent(header)
    payload = memoryview(message)[payload_at:]
    _require_step(header, len(payload))
    return header, payload


def chunks_of(
    header: Header, tensors: Sequence[np.ndarray], least_bytes: int = 4096, most_bytes: int = 16_384
) -> Iterator[bytes]:
    """The messages of tensors: at least four a tensor, unless they became smaller than `least_bytes`."""
    for index, tensor in enumerate(tensors):
        content, scale, offset = encode(tensor, header.encoding)
        fourth = -(-len(content) // 16) * 4
        step = min(len(content), most_bytes, max(fourth, least_bytes))
        own = replace(header, dims=tensor.shape, tensor_index=index, tensor_count=len(tensors))
        own = replace(own, step_bytes=step, scale=scale, offset=offset)
        for k in range(own.chunk_count):
            yield seal_chunk(replace(own, chunk_index=k), content[k * step : (k + 1) * step])


class Reassembly:
    """Puts the tensors of one message together from chunks in any order, with duplicates."""

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._most_bytes = most_bytes
        self._first: Header | None = None
        self._tensors: dict[int, tuple[Header, np.ndarray, set[int]]] = {}

    def accept(self, header: Header, payload: bytes) -> list[np.ndarray] | None:
        """All tensors, with the last chunk that was missing; None before."""
        self._first = self._first or header
        _require_same(self._first, header, ("kind", "exit", "partition", "direction", "status", "tensor_count"))
        known, data, seen = self._tensors.get(header.tensor_index) or self._begin(header)
        _require_same(known, header, ("encoding", "scale", "offset", "dims", "step_bytes"))
        if header.chunk_index not in seen:
            values = decode(payload, header.encoding, header.scale, header.offset)
            start = header.byte_offset // WIDTHS[header.encoding]
            data[start : start + values.size] = values
            seen.add(header.chunk_index)
        whole = [len(had) == of.chunk_count for of, _, had in self._tensors.values()]
        if len(whole) < header.tensor_count or not all(whole):
            return None
        return [values.reshape(of.dims) for _, (of, values, _) in sorted(self._tensors.items())]

    def _begin(self, header: Header) -> tuple[Header, np.ndarray, set[int]]:
        elements = header.tensor_bytes // WIDTHS[header.encoding]
        held = sum(values.nbytes for _, values, _ in self._tensors.values())
        if held + 4 * elements > self._most_bytes:
            raise FrameError("reassembly-overflow", f"the message has more than {self._most_bytes} bytes")
        begun = (header, np.zeros(elements, dtype=np.float32), set())
        self._tensors[header.tensor_index] = begun
        return begun


def _require_same(first: Header, header: Header, names: Sequence[str]) -> None:
    for name in names:
        if getattr(first, name) != getattr(header, name):
            raise FrameError("frame-invalid", f"{name} is another one than in an earlier chunk")


def _read_parts(message: bytes, header: Header) -> tuple[Header, int]:
    """What stands between the fixed fields and the dimensions, and where those begin."""
    part = _REPORT if header.answers else _ASKED
    affine_at = _FIXED.size + part.size
    dims_at = affine_at + (_AFFINE.size if header.encoding == "u8" else 0)
    if len(message) < dims_at:
        raise FrameError("frame-truncated", f"{len(message)} bytes are no header of a {header.kind}")
    if header.answers:
        header = replace(header, report=Report(*_REPORT.unpack_from(message, _FIXED.size)))
    else:
        model, time_left_us = _ASKED.unpack_from(message, _FIXED.size)
        header = replace(header, model=model.hex(), time_left_us=time_left_us)
    if header.encoding == "u8":
        scale, offset = _AFFINE.unpack_from(message, affine_at)
        header = replace(header, scale=scale, offset=offset)
    return header, dims_at


def _read_dims(message: bytes, at: int, rank: int) -> tuple[tuple[int, ...], int]:
    if rank > MAX_RANK:
        raise FrameError("frame-invalid", f"rank {rank} is too high")
    dims: list[int] = []
    for _ in range(rank):
        size, at = _read_varint(message, at)
        dims.append(size)
    return tuple(dims), at


def _varint(value: int) -> bytes:
    spelled = bytearray()
    while value > 0x7F:
        spelled.append(value & 0x7F | 0x80)
        value >>= 7
    spelled.append(value)
    return bytes(spelled)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(5):
        if at + i >= len(message):
            raise FrameError("frame-truncated", "a number goes on where the message ends")
        byte = message[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte > 0x7F:
            continue
        if byte == 0 and i > 0:
            raise FrameError("frame-invalid", f"{value} takes a byte too many")
        if value > 0xFFFF_FFFF:
            break
        return value, at + i + 1
    raise FrameError("frame-invalid", "a number has more than 32 bits")


def _member(names: Sequence[str], number: int, what: str) -> str:
    if number >= len(names):
        raise FrameError("frame-invalid", f"{what} {number} is unknown")
    return names[number]


def _require_consistent(header: Header) -> None:
    size, step = header.tensor_bytes, header.step_bytes
    if len(header.dims) > MAX_RANK or size > MOST_TENSOR_BYTES:
        raise FrameError("frame-invalid", f"{header.dims} in {header.encoding} is too large a tensor")
    is_step = step == 0 if size == 0 else 0 < step <= size and step % WIDTHS[header.encoding] == 0
    if not is_step or header.chunk_count > MOST_CHUNKS:
        raise FrameError("frame-invalid", f"{step} bytes are no step of a tensor of {size}")
    if header.chunk_index >= header.chunk_count or header.tensor_index >= header.tensor_count:
        raise FrameError("frame-invalid", "an index lies beyond its count")
    if not math.isfinite(header.scale) or not math.isfinite(header.offset):
        raise FrameError("frame-invalid", "scale or offset is no number")
    is_input = header.kind == "request" and header.direction == "device-first" and header.partition == 0
    if header.encoding in IMAGE_ENCODINGS and not (is_input and header.tensor_count == len(header.dims) == 1):
        raise FrameError("frame-invalid", f"a {header.kind} of partition {header.partition} holds no {header.encoding}")


def _require_step(header: Header, payload_bytes: int) -> None:
    if payload_bytes != min(header.step_bytes, header.tensor_bytes - header.byte_offset):
        raise FrameError("frame-invalid", f"{payload_bytes} bytes are no step of chunk {header.chunk_index}")
