"""CIFAR-10 in memory: reading, augmentation, enlargement and normalisation, all on whole uint8 batches.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", University of Toronto, 2009.
"""
import hashlib
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Per-channel statistics of the 50,000 training images on the 0..1 scale, R G B.
MEAN = (0.491400, 0.482158, 0.446531)
STD = (0.247032, 0.243485, 0.261588)

IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32  # label, then the red, green and blue plane

# sha256 of the decompressed binaries, from the README beside the data. They hold the records of the official
# data_batch_1..5 and test_batch in the official order.
SHA256 = {
    "train": "a0181da372c0d63a5920fdbea2ec3f83ecbc552d378218e1cb473cf634941a3b",
    "test": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}

CROP_PAD = 4  # pixels of zeros on each side before the random crop


@dataclass(frozen=True)
class Images:
    """`pixels` uint8 (count, 3, 32, 32), RGB, and `labels` int64 (count,)."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str) -> "Images":
        """The same images in the memory of `device`."""
        return Images(self.pixels.to(device), self.labels.to(device))


def read_split(folder: Path, split: str, limit: int | None = None) -> Images:
    """Reads `train` or `test` from <split>.bin.xz; `limit` keeps the first images only."""
    path = folder / f"{split}.bin.xz"
    content = lzma.decompress(path.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[split]:
        raise ValueError(f"{path}: expected sha256 {SHA256[split]} after decompression, got {digest}")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD_BYTES)[:limit]
    pixels = torch.from_numpy(records[:, 1:].reshape(-1, *IMAGE_SHAPE).copy())
    return Images(pixels, torch.from_numpy(records[:, 0].astype(np.int64)))


def augment(pixels: Tensor) -> Tensor:
    """Random shift by up to CROP_PAD pixels and random mirroring, one gather for the batch; uint8 in, uint8 out."""
    count, channels, height, width = pixels.shape
    device = pixels.device
    padded = F.pad(pixels, [CROP_PAD] * 4)
    top = torch.randint(2 * CROP_PAD + 1, (count, 1), device=device)
    left = torch.randint(2 * CROP_PAD + 1, (count, 1), device=device)
    mirrored = torch.rand(count, 1, device=device) < 0.5
    columns = torch.arange(width, device=device).expand(count, width)
    columns = torch.where(mirrored, width - 1 - columns, columns) + left
    rows = torch.arange(height, device=device) + top
    image = torch.arange(count, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def enlarge(pixels: Tensor, size: int) -> Tensor:
    """Bilinear with half-pixel centres, rounded to uint8, as a camera frame of size x size pixels would arrive."""
    if pixels.shape[-1] == size:
        return pixels
    enlarged = F.interpolate(pixels.float(), size=(size, size), mode="bilinear", align_corners=False)
    return enlarged.round().clamp(0, 255).to(torch.uint8)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 0..255 to float32 with mean 0 and standard deviation 1 over the training set, channels last in memory."""
    mean = torch.tensor(MEAN, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(1, 3, 1, 1)
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
