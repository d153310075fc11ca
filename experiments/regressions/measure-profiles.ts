import { calibrate } from '../../shared/adapters/calibration.ts';
import { type InferenceThread, startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { hardwareClass, profileModel } from '../../shared/adapters/profile-model.ts';
import type { Profile, SegmentTiming } from '../../shared/protocol/profile.ts';
import { type KnownModel, knownModels, openModel } from './known-models.ts';

/**
 * Profiles every known model on this machine, round after round.
 * @param onProfile is given each model's profile at the end; of the rounds' times the least counts, for what else the
 *   machine does only ever adds
 */
export async function measureProfiles(
  rounds: number,
  onProfile: (name: KnownModel, profile: Profile) => Promise<void>,
): Promise<void> {
  const thread = startInferenceThread({ maxSessions: 4 });
  const best = new Map<KnownModel, Profile>();
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const name of knownModels) {
        const profile = await measure(name, thread);
        const earlier = best.get(name);
        best.set(name, earlier === undefined ? profile : leastOf(earlier, profile));
      }
    }
  } finally {
    await thread.close();
  }
  for (const [name, profile] of best) await onProfile(name, profile);
}

async function measure(name: KnownModel, thread: InferenceThread): Promise<Profile> {
  const about = { thread, tier: 'device', hardwareClass: hardwareClass(), threads: 1 } as const;
  if (name === 'calibration') return (await calibrate(about)).profile;
  const { graph, shapes, digest } = await openModel(name);
  return profileModel({ ...about, graph, shapes, digest });
}

/** @returns two profiles of one model as one, of each time the lesser */
export function leastOf(one: Profile, other: Profile): Profile {
  const lesser = (a: SegmentTiming, b: SegmentTiming | undefined) => (b && b.medianMs < a.medianMs ? b : a);
  return {
    ...one,
    perCallOverheadMs: Math.min(one.perCallOverheadMs, other.perCallOverheadMs),
    modelLoadMs: Math.min(one.modelLoadMs, other.modelLoadMs),
    exits: one.exits.map((exit, index) => {
      const twin = other.exits[index];
      return {
        ...exit,
        layers: exit.layers.map((layer, i) => ({ ...layer, timing: lesser(layer.timing, twin?.layers[i]?.timing) })),
        head: exit.head.map((timing, i) => lesser(timing, twin?.head[i])),
        tail: exit.tail.map((timing, i) => lesser(timing, twin?.tail[i])),
      };
    }),
  };
}
