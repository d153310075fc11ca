"""Carries the weights of the 32-pixel network over to the 128-pixel one, whose first convolution alone differs."""
import torch
from torch import Tensor
from torch.nn import functional as F

from architecture import Layer
from network import BranchyNetwork

FIRST_KERNEL = "layers.conv1.linear.weight"

# 11 enlarged pixels barely see the outermost of 5 small ones, so the exact answer to them takes a kernel of 22 times
# the norm: it would amplify noise and, under batch normalisation, hardly learn any more. This much ridge keeps the norm
# at 2.3 times and starts some points of accuracy lower, which the first epoch of fine-tuning regains.
RIDGE = 0.03


def warm_start(network: BranchyNetwork, small: dict[str, Tensor], small_conv1: Layer) -> None:
    """Loads the state `small` of a network on smaller images, its first kernel inflated to that of `network`."""
    conv1 = network.architecture.trunk[0]
    kernel = inflate_kernel(small[FIRST_KERNEL], small_conv1, conv1)
    network.load_state_dict({**small, FIRST_KERNEL: kernel})


def inflate_kernel(kernel: Tensor, small: Layer, large: Layer, ridge: float = RIDGE) -> Tensor:
    """A kernel that answers to the bilinearly enlarged image nearly as `kernel` answers to the image itself.

    Enlarging is linear, so along one axis a large kernel K acts on the small image as M K, where M[j, t] is the weight
    of small pixel j in the enlarged pixel under tap t. K = P kernel P^T with P = M^T (M M^T + ridge I)^-1 (Tikhonov).
    With ridge 0 it is exact inside the image; at the border enlarging repeats the last pixel, padding adds zeros.

    @param kernel (out, in, small.kernel, small.kernel)
    @returns (out, in, large.kernel, large.kernel)
    """
    taps = _tap_weights(small, large)
    identity = torch.eye(small.kernel, dtype=torch.float64)
    spread = taps.T @ torch.linalg.inv(taps @ taps.T + ridge * identity)
    return (spread @ kernel.double() @ spread.T).to(kernel.dtype)


def _tap_weights(small: Layer, large: Layer) -> Tensor:
    """M of `inflate_kernel` along one axis, (small.kernel, large.kernel); the enlargement is the stride's ratio."""
    factor = large.stride // small.stride
    centre = 2 * small.kernel  # an output position far enough from both borders
    impulses = torch.eye(2 * centre + 1, dtype=torch.float64)
    enlarged = F.interpolate(impulses[:, None], scale_factor=factor, mode="linear", align_corners=False)[:, 0]
    pixel = centre * small.stride - small.pad
    tap = centre * large.stride - large.pad
    return enlarged[pixel : pixel + small.kernel, tap : tap + large.kernel]
