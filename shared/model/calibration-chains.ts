/** A layer of a calibration chain. A fully connected one flattens its input where that has more than two axes. */
export type ChainLayer =
  | { readonly op: 'conv'; readonly filters: number; readonly kernel: number; readonly stride: number }
  | { readonly op: 'maxPool' | 'averagePool'; readonly kernel: number; readonly stride: number }
  | { readonly op: 'fc'; readonly features: number }
  /** Adds what the layer that many places earlier has put out, or joins it along the channels. */
  | { readonly op: 'add' | 'concat'; readonly back: number }
  | { readonly op: 'relu' | 'lrn' };

/** One exit of the calibration model, with an input of its own. */
export interface Chain {
  readonly channels: number;
  /** Height and width of the input. */
  readonly side: number;
  readonly layers: readonly ChainLayer[];
}

const conv = (filters: number, kernel: number, stride = 1): ChainLayer => ({ op: 'conv', filters, kernel, stride });
const maxPool = (kernel: number, stride = kernel): ChainLayer => ({ op: 'maxPool', kernel, stride });
const averagePool = (kernel: number, stride = kernel): ChainLayer => ({ op: 'averagePool', kernel, stride });
const fc = (features: number): ChainLayer => ({ op: 'fc', features });
const add = (back: number): ChainLayer => ({ op: 'add', back });
const concat = (back: number): ChainLayer => ({ op: 'concat', back });
const relu: ChainLayer = { op: 'relu' };
const lrn: ChainLayer = { op: 'lrn' };

/** Many layers so small that what each costs besides its work shows. */
const residual: readonly ChainLayer[] = [
  ...[conv(20, 3), relu, conv(20, 3), add(3), relu, averagePool(2)],
  ...[conv(20, 3), relu, conv(20, 3), add(3), relu, conv(24, 3, 2), relu, averagePool(2), fc(16), relu, fc(8)],
];

/** Sizes from a few hundred to a hundred thousand elements, up to some 40 MFLOP a layer, in the usual orders. */
export const calibrationChains: readonly Chain[] = [
  { channels: 3, side: 64, layers: [conv(16, 3, 2), relu, maxPool(2), conv(48, 5), relu, lrn, averagePool(2), fc(64)] },
  { channels: 3, side: 96, layers: [conv(24, 7, 2), relu, lrn, maxPool(3, 2), conv(40, 3, 2), relu, fc(100)] },
  {
    channels: 3,
    side: 112,
    layers: [conv(32, 9, 4), lrn, relu, maxPool(2), conv(64, 1), relu, averagePool(4), fc(10)],
  },
  {
    channels: 3,
    side: 48,
    layers: [conv(40, 5), relu, maxPool(2), conv(40, 3), relu, maxPool(2), fc(128), relu, fc(16)],
  },
  {
    channels: 3,
    side: 160,
    layers: [conv(16, 11, 4), relu, maxPool(3, 2), conv(96, 3), lrn, relu, maxPool(3, 2), fc(96)],
  },
  { channels: 8, side: 56, layers: [conv(8, 3), relu, conv(8, 3), add(3), relu, averagePool(2), conv(16, 1), fc(20)] },
  {
    channels: 16,
    side: 28,
    layers: [conv(16, 3), relu, conv(16, 3), add(3), relu, conv(32, 3, 2), relu, averagePool(2)],
  },
  { channels: 12, side: 14, layers: [conv(12, 3), relu, concat(2), conv(20, 3), relu, concat(2), maxPool(2), fc(10)] },
  { channels: 24, side: 20, layers: [conv(24, 1), relu, concat(2), conv(48, 3), relu, lrn, maxPool(2), conv(32, 1)] },
  {
    channels: 64,
    side: 20,
    layers: [conv(96, 3), relu, lrn, maxPool(2), conv(128, 3), relu, conv(160, 3), relu, fc(64)],
  },
  {
    channels: 128,
    side: 10,
    layers: [conv(192, 3), relu, conv(128, 1), relu, conv(96, 3), relu, averagePool(2), fc(384)],
  },
  { channels: 256, side: 6, layers: [conv(256, 3), relu, conv(320, 1), relu, maxPool(2), fc(512), relu, fc(64), relu] },
  { channels: 160, side: 4, layers: [conv(320, 3), relu, conv(160, 3), relu, fc(512), relu, fc(256), relu, fc(32)] },
  { channels: 32, side: 8, layers: [relu, conv(64, 3, 2), relu, lrn, maxPool(2), fc(1024), relu, fc(100), relu] },
  {
    channels: 96,
    side: 24,
    layers: [lrn, averagePool(2), conv(64, 1), relu, conv(64, 3), add(2), relu, maxPool(2), fc(48)],
  },
  { channels: 20, side: 16, layers: residual },
  { channels: 4, side: 80, layers: [relu, maxPool(2), conv(6, 3), relu, conv(12, 3), relu, concat(2), lrn, fc(8)] },
];
