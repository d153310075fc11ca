import type { CutTensor, DescribedBranch, ModelDescription } from './describe-model.ts';
import type { Manifest } from './manifest.ts';

/** An exit that a head passes: what is left of its branch begins at tensors that the head computes in any case. */
export interface PassedExit {
  /** From 1. */
  readonly exit: number;
  /** How many of its layers the head has run. */
  readonly partition: number;
}

/**
 * The deepest exit before that of a plan whose layers, as far as it shares them with the plan's exit, all lie before the
 * cut: the layers of its side branch are all that it needs besides.
 * @param exit of the plan, from 1
 * @param partition of the plan
 * @returns undefined where the cut lies before the first exit, or an exit shares no layer
 */
export function passedExit({ branches }: ModelDescription, exit: number, partition: number): PassedExit | undefined {
  const branch = branches[exit - 1];
  if (branch === undefined) return undefined;
  for (let earlier = exit - 1; earlier >= 1; earlier -= 1) {
    const shared = sharedLayers(branches[earlier - 1], branch);
    if (shared > 0 && passes(branches[earlier - 1], shared, { branch, partition }))
      return { exit: earlier, partition: shared };
  }
  return undefined;
}

/**
 * @param accuracyLoss that a policy allows
 * @returns the entropy below which an exit may answer, nats: that of the greatest loss that was calibrated and is no
 *   greater; undefined where there is none
 */
export function thresholdOf({ earlyExit }: Manifest['exits'][number], accuracyLoss: number): number | undefined {
  const allowed = earlyExit?.thresholds.filter((threshold) => threshold.accuracyLoss <= accuracyLoss) ?? [];
  return allowed.toSorted((a, b) => b.accuracyLoss - a.accuracyLoss)[0]?.entropy;
}

/** @returns whether any exit of the package has a threshold for this accuracy loss */
export function isCalibratedFor({ exits }: Manifest, accuracyLoss: number): boolean {
  return exits.some((exit) => thresholdOf(exit, accuracyLoss) !== undefined);
}

/** @returns how many layers the branches begin with together; 0 where one has a common layer behind one of its own */
function sharedLayers(earlier: DescribedBranch | undefined, deeper: DescribedBranch): number {
  const inDeeper = new Set(deeper.layers.map(nameOf));
  const layers = earlier?.layers ?? [];
  const shared = layers.filter((layer) => inDeeper.has(nameOf(layer))).length;
  return layers.slice(0, shared).every((layer) => inDeeper.has(nameOf(layer))) ? shared : 0;
}

/** Whether the head of the deeper branch has run all that they share. */
function passes(
  earlier: DescribedBranch | undefined,
  shared: number,
  { branch, partition }: { branch: DescribedBranch; partition: number },
): boolean {
  const run = new Set(branch.layers.slice(0, partition).map(nameOf));
  const isFloat = ({ dtype }: CutTensor): boolean => dtype === 'float32';
  return (
    earlier?.layers.slice(0, shared).every((layer) => run.has(nameOf(layer))) === true &&
    earlier.cuts[shared]?.tensors.every(isFloat) === true
  );
}

/** A layer is what makes these tensors. */
function nameOf({ outputs }: { outputs: readonly string[] }): string {
  return JSON.stringify(outputs);
}
