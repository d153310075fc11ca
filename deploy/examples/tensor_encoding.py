"""How the elements of a tensor travel: the arithmetic of docs/wire.md, to the bit."""
import numpy as np

ENCODINGS = ("f32", "f16", "u8")
IMAGE_ENCODINGS = ("jpeg", "webp")
"""The model's input as a file: a tensor of its bytes."""
WIDTHS = {"f32": 4, "f16": 2, "u8": 1, "jpeg": 1, "webp": 1}
"""Bytes of one element."""

_LEAST_SCALE = 2.0**-126


def encode(tensor: np.ndarray, encoding: str) -> tuple[bytes, float, float]:
    """The bytes of a whole tensor, with the scale and offset that undo them."""
    if encoding in IMAGE_ENCODINGS:
        return tensor.astype(np.uint8).tobytes(), 1.0, 0.0
    data = np.ascontiguousarray(tensor, dtype="<f4").reshape(-1)
    if encoding == "f32":
        return data.tobytes(), 1.0, 0.0
    if encoding == "f16":
        return _halves(data), 1.0, 0.0
    scale, offset = _affine(data)
    with np.errstate(invalid="ignore", over="ignore"):
        levels = (data.astype(np.float64) - offset) * (1 / scale) + 0.5
    levels = np.where(np.isnan(levels), 0, np.clip(levels, 0, 255))
    return levels.astype(np.uint8).tobytes(), scale, offset


def image_encoding(file: bytes) -> str:
    """What a file is by its first bytes; ValueError where it can't be sent."""
    if file[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if file[:4] == b"RIFF" and file[8:12] == b"WEBP":
        return "webp"
    raise ValueError("neither JPEG nor WebP")


def decode(payload: bytes, encoding: str, scale: float, offset: float) -> np.ndarray:
    """The elements of a payload, one after the other, as float32."""
    if encoding == "f32":
        return np.frombuffer(payload, dtype="<f4")
    if encoding == "f16":
        return np.frombuffer(payload, dtype="<f2").astype(np.float32)
    levels = np.frombuffer(payload, dtype=np.uint8).astype(np.float64)
    return (offset + scale * levels).astype(np.float32)


def _halves(data: np.ndarray) -> bytes:
    with np.errstate(over="ignore"):
        halves = data.astype("<f2")
    bits = halves.view("<u2")
    return np.where(np.isnan(halves), (bits & 0x8000) | 0x7E00, bits).astype("<u2").tobytes()


def _affine(data: np.ndarray) -> tuple[float, float]:
    finite = data[np.isfinite(data)].astype(np.float64)
    if finite.size == 0:
        return 1.0, 0.0
    low, high = float(finite.min()), float(finite.max())
    return (max(_LEAST_SCALE, float(np.float32((high - low) / 255))) if high > low else 1.0), low
