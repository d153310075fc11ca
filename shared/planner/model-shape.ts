import type { DescribedBranch, ModelDescription } from '../model/describe-model.ts';
import { type ImageEncoding, imageEncodings as imageFormats } from '../protocol/wire-encoding.ts';
import type { ExitShape, ModelShape } from './plan.ts';

/** What a manifest says of the accuracy of its exits. */
export interface MeasuredAccuracies {
  exits: readonly {
    name: string;
    accuracy?: { top1: number };
    /** By partition point, where the cut travels encoded. */
    encodedAccuracy?: Required<NonNullable<ExitShape['encodedAccuracy']>>;
  }[];
  /** Accuracies in the order of the exits. */
  imageEncodings?: Partial<Record<ImageEncoding, { p95Bytes: number; top1: readonly number[] }>>;
}

/** @returns what the planner must know of a model, accuracies as the manifest has them measured */
export function modelShape({ branches }: ModelDescription, manifest: MeasuredAccuracies): ModelShape {
  return shapeOf(
    branches.map((branch) => ({ name: branch.exit, cuts: shapeOfCuts(branch) })),
    manifest,
  );
}

/** @returns the tensors of each cut, 0..N */
export function shapeOfCuts({ cuts }: Pick<DescribedBranch, 'cuts'>): ExitShape['cuts'] {
  return cuts.map(({ tensors }) => tensors.map(({ elements, dims }) => ({ elements, rank: dims.length })));
}

function shapeOf(exits: readonly Pick<ExitShape, 'name' | 'cuts'>[], manifest: MeasuredAccuracies): ModelShape {
  return {
    exits: exits.map(({ name, cuts }, index) => ({ name, ...accuraciesOf(manifest, name, index + 1), cuts })),
  };
}

function accuraciesOf(manifest: MeasuredAccuracies, exit: string, depth: number): Omit<ExitShape, 'name' | 'cuts'> {
  const { accuracy, encodedAccuracy } = manifest.exits.find(({ name }) => name === exit) ?? {};
  // Without a measured accuracy deeper still counts as better, by less than any tolerance of a real one.
  if (accuracy === undefined) return { accuracy: depth / 100 };
  return {
    accuracy: accuracy.top1,
    ...(encodedAccuracy && { encodedAccuracy: { f16: encodedAccuracy.f16, u8: encodedAccuracy.u8 } }),
    ...imagesOf(manifest, exit),
  };
}

function imagesOf({ exits, imageEncodings }: MeasuredAccuracies, exit: string): Pick<ExitShape, 'imageEncodings'> {
  if (imageEncodings === undefined) return {};
  const place = exits.findIndex(({ name }) => name === exit);
  const measured = imageFormats.flatMap((encoding) => {
    const { p95Bytes: bytes, top1 } = imageEncodings[encoding] ?? {};
    const accuracy = top1?.[place];
    return accuracy === undefined || bytes === undefined ? [] : [[encoding, { accuracy, bytes }] as const];
  });
  return { imageEncodings: Object.fromEntries(measured) };
}
