import type { DescribedBranch, DescribedLayer, ModelDescription } from '../model/describe-model.ts';
import type { Profile, SegmentTiming } from '../protocol/profile.ts';
import { FleetError } from '../runtime/errors.ts';

/** A profile with the model that it was measured on. */
export interface ProfiledModel {
  profile: Profile;
  description: ModelDescription;
  /** Of the file that `description` describes. */
  digest: string;
}

/** One measured piece of a model. */
export interface LatencyObservation {
  /** In execution order; one for a layer that was measured alone. */
  layers: readonly DescribedLayer[];
  timing: SegmentTiming;
}

type ProfiledExit = Profile['exits'][number];

/** The clock tells no shorter time: whatever is below was not measured. */
const leastMs = 1e-6;

/**
 * @returns every layer and segment that was measured, each once however many exits share it; a time of zero and a cut
 *   that holds other than floats (its times are those of a longer segment) are no measurements
 * @throws {FleetError} `profile-mismatch` where the profile is of another model, `profile-unusable` where it lacks
 *   layers or segments or a time is negative or no finite number
 */
export function latencyObservations({ profile, description, digest }: ProfiledModel): LatencyObservation[] {
  if (profile.modelDigest !== digest) {
    throw new FleetError('profile-mismatch', `the profile is of ${profile.modelDigest}, the model is ${digest}`);
  }
  const observations = new Map<string, LatencyObservation>();
  for (const branch of description.branches) {
    const exit = exitOf(profile, branch);
    for (const [key, observation] of [...layersOf(branch, exit), ...segmentsOf(branch, exit)]) {
      requireTime(observation.timing, `${branch.exit}, ${key}`);
      if (observation.timing.medianMs >= leastMs && !observations.has(key)) observations.set(key, observation);
    }
  }
  return [...observations.values()];
}

function exitOf(profile: Profile, { exit: name, layers }: DescribedBranch): ProfiledExit {
  const exit = profile.exits.find((candidate) => candidate.name === name);
  if (exit === undefined) throw new FleetError('profile-unusable', `the profile has no exit ${JSON.stringify(name)}`);
  const misplaced = layers.findIndex((layer, index) => exit.layers[index]?.name !== layer.name);
  if (misplaced >= 0 || exit.layers.length !== layers.length) {
    const layer = layers[misplaced]?.name ?? exit.layers[layers.length]?.name;
    throw new FleetError('profile-unusable', `${name}: profile and model differ at layer ${JSON.stringify(layer)}`);
  }
  if (exit.head.length !== layers.length + 1 || exit.tail.length !== layers.length + 1) {
    throw new FleetError(
      'profile-unusable',
      `${name}: heads or tails of some of the ${layers.length} layers are missing`,
    );
  }
  return exit;
}

function* layersOf(branch: DescribedBranch, exit: ProfiledExit): Generator<[string, LatencyObservation]> {
  for (const [index, layer] of branch.layers.entries()) {
    const timing = exit.layers[index]?.timing;
    if (timing !== undefined) yield [keyOf(layer.inputs, layer.outputs), { layers: [layer], timing }];
  }
}

/** Heads 1..N and tails 0..N−1: the empty ones take no time. */
function* segmentsOf(branch: DescribedBranch, exit: ProfiledExit): Generator<[string, LatencyObservation]> {
  const count = branch.layers.length;
  for (let partition = 0; partition <= count; partition += 1) {
    const head = exit.head[partition];
    const tail = exit.tail[partition];
    if (head !== undefined && partition > 0) yield* segment(branch, [0, partition], head);
    if (tail !== undefined && partition < count) yield* segment(branch, [partition, count], tail);
  }
}

function* segment(
  { layers, cuts }: DescribedBranch,
  [from, to]: readonly [from: number, to: number],
  timing: SegmentTiming,
): Generator<[string, LatencyObservation]> {
  const inputs = cuts[from]?.tensors ?? [];
  const outputs = cuts[to]?.tensors ?? [];
  if ([...inputs, ...outputs].some(({ dtype }) => dtype !== 'float32')) return;
  const names = (tensors: readonly { name: string }[]) => tensors.map(({ name }) => name);
  yield [keyOf(names(inputs), names(outputs)), { layers: layers.slice(from, to), timing }];
}

/** Two segments between the same tensors hold the same layers. */
function keyOf(inputs: readonly string[], outputs: readonly string[]): string {
  return `${inputs.join(' ')} → ${outputs.join(' ')}`;
}

function requireTime({ medianMs, p90Ms }: SegmentTiming, where: string): void {
  if (medianMs >= 0 && p90Ms >= 0 && Number.isFinite(medianMs) && Number.isFinite(p90Ms)) return;
  throw new FleetError('profile-unusable', `${where}: ${medianMs} and ${p90Ms} ms are no times`);
}
