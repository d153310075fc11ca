import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { startInferenceThread } from '../shared/adapters/inference-thread.ts';
import type { ProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { profileModel, profilingSessions } from '../shared/adapters/profile-model.ts';
import type { Progress } from '../shared/protocol/messages.ts';
import { type Profile, type SegmentTiming, slowedProfile } from '../shared/protocol/profile.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { fullJitterDelayMs } from '../shared/runtime/retry.ts';
import { atMostEvery } from '../shared/runtime/throttle.ts';
import type { Segment, ServedModel } from './served-models.ts';

export interface ProfilerOptions {
  controlPlane: Pick<ControlPlaneClient, 'putProfile'>;
  hardwareClass: string;
  /** How many times slower than measured the model is made to run; 1 is not emulated. */
  processorFactor: number;
  threads: number;
  /** Runs of each segment. */
  runs: number;
  budgetMs: number;
  drafts: ProfileDrafts;
  /** Called when measuring begins and when it ends, and about once a second meanwhile. */
  onChange(profiling: boolean, progress?: Progress): void;
  clock: Clock;
  log: Log;
  random?: () => number;
}

/**
 * Measures models for the control plane, one after the other, in a thread of its own: serving goes on meanwhile.
 * INVARIANT: a model is measured once a request; a profile that could not be delivered is kept and offered again. What
 * was measured is kept on disk until then: after a restart it goes on from there.
 */
export interface Profiler {
  request(models: readonly ServedModel[]): void;
  /** Stops measuring after the segment at hand. */
  close(): Promise<void>;
}

const maxRedeliveryMs = 60_000;
const progressMs = 1000;

/** After so many failures the profile waits for the next request of the control plane. */
const maxDeliveries = 10;

export function createProfiler(options: ProfilerOptions): Profiler {
  const { controlPlane, clock, log, random = Math.random } = options;
  const stop = new AbortController();
  const measured = new Map<string, Profile>();
  const underway = new Set<string>();
  let chain = Promise.resolve();
  const cancels = new Set<() => void>();

  /** Uses what was measured for the estimates of what serving will cost. */
  function learn(model: ServedModel, profile: Profile): void {
    for (const [index, { head, tail }] of profile.exits.entries()) {
      learnSegments(model.exits[index]?.['edge-first'] ?? [], head);
      learnSegments(model.exits[index]?.['device-first'] ?? [], tail);
    }
  }

  async function deliver(model: ServedModel, failures: number): Promise<void> {
    try {
      const profile = measured.get(model.digest) ?? (await measure(model, options, stop.signal));
      measured.set(model.digest, profile);
      learn(model, profile);
      await controlPlane.putProfile(profile, stop.signal);
      await options.drafts.drop(model.digest);
      measured.delete(model.digest);
      underway.delete(model.digest);
      log.info({ model: model.digest }, 'profile delivered');
    } catch (error) {
      if (stop.signal.aborted) return;
      log.warn({ model: model.digest, reason: messageOf(error) }, 'no profile delivered');
      if (isFleetError(error, 'http-failed') && failures < maxDeliveries) again(model, failures + 1);
      else underway.delete(model.digest);
    }
  }

  function again(model: ServedModel, failures: number): void {
    const cancel = clock.after(fullJitterDelayMs(failures + 4, maxRedeliveryMs, random), () => {
      cancels.delete(cancel);
      chain = chain.then(() => deliver(model, failures));
    });
    cancels.add(cancel);
  }

  return {
    request(models) {
      for (const model of models) {
        if (underway.has(model.digest) || stop.signal.aborted) continue;
        underway.add(model.digest);
        chain = chain.then(() => deliver(model, 0));
      }
    },
    async close() {
      stop.abort();
      for (const cancel of cancels) cancel();
      await chain;
    },
  };
}

async function measure(model: ServedModel, options: ProfilerOptions, signal: AbortSignal): Promise<Profile> {
  const { hardwareClass, threads, runs, budgetMs, drafts, clock } = options;
  const thread = startInferenceThread({ maxSessions: profilingSessions });
  const tell = atMostEvery(progressMs, clock, (progress: Progress) => options.onChange(true, progress));
  options.onChange(true);
  try {
    const profile = await profileModel({
      ...{ thread, graph: model.graph, shapes: model.shapes, digest: model.digest, tier: 'worker' },
      ...{ hardwareClass, threads, runs, budgetMs, drafts, signal, clock },
      onProgress: (done, total) => tell({ done, total }),
    });
    return slowedProfile(profile, options.processorFactor);
  } finally {
    await thread.close();
    options.onChange(false);
  }
}

/** @param times by partition, as the segments are */
function learnSegments(segments: readonly (Segment | undefined)[], times: readonly SegmentTiming[]): void {
  for (const [partition, segment] of segments.entries()) {
    const time = times[partition];
    if (segment !== undefined && time !== undefined && segment.duration.ms === 0) {
      segment.duration.observe(time.medianMs);
    }
  }
}
