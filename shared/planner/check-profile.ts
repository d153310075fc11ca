import type { Profile } from '../protocol/profile.ts';
import { FleetError } from '../runtime/errors.ts';

/** What a profile is checked against. */
export interface ProfiledShape {
  /** Of the model file. */
  readonly digest: string;
  /** From the shallowest, each with how many layers its branch has, as partitions count them. */
  readonly exits: readonly { readonly name: string; readonly layers: number }[];
}

/**
 * Checks a profile that came from elsewhere, beyond its schema.
 * @param shape of the model that it should be of; absent: only what the profile says of itself is checked
 * @throws {FleetError} `profile-mismatch` where the profile is of another model, `profile-unusable` where it lacks exits,
 *   layers, segments or cuts, has them in another order, or a time is negative or no finite number
 */
export function checkProfile(profile: Profile, shape?: ProfiledShape): void {
  if (shape !== undefined) requireShape(profile, shape);
  for (const time of ['perCallOverheadMs', 'modelLoadMs', 'gapMs'] as const) {
    if (!isTime(profile[time])) throw new FleetError('profile-unusable', `${time} ${profile[time]} is no time`);
  }
  for (const { name, layers, head, tail, cuts } of profile.exits) {
    if (head.length !== layers.length + 1 || tail.length !== layers.length + 1) {
      const counts = `${head.length} heads and ${tail.length} tails of ${layers.length} layers`;
      throw new FleetError('profile-unusable', `${name}: ${counts}; both are one more than the layers`);
    }
    if (cuts !== undefined && cuts.length !== layers.length + 1) {
      throw new FleetError('profile-unusable', `${name}: ${cuts.length} cuts of ${layers.length} layers`);
    }
    const timings = [...layers.map(({ timing }) => timing), ...head, ...tail];
    const bad = timings.find(({ medianMs, p90Ms }) => !isTime(medianMs) || !isTime(p90Ms));
    if (bad !== undefined) {
      throw new FleetError('profile-unusable', `${name}: ${bad.medianMs} and ${bad.p90Ms} ms are no times`);
    }
  }
}

function requireShape({ modelDigest, exits }: Profile, shape: ProfiledShape): void {
  if (modelDigest !== shape.digest) {
    throw new FleetError('profile-mismatch', `the profile is of ${modelDigest}, the model is ${shape.digest}`);
  }
  // Exit i of a plan is the i-th of both: their order counts.
  const listed = (all: readonly { name: string; layers: number }[]) =>
    all.map(({ name, layers }) => `${name} (${layers} layers)`).join(', ');
  const wanted = listed(shape.exits);
  const found = listed(exits.map(({ name, layers }) => ({ name, layers: layers.length })));
  if (found !== wanted) throw new FleetError('profile-unusable', `the profile has ${found}, the model ${wanted}`);
}

function isTime(ms: number): boolean {
  return Number.isFinite(ms) && ms >= 0;
}
