import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { startInferenceThread } from '../shared/adapters/inference-thread.ts';
import type { ProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { profileModel, profilingSessions } from '../shared/adapters/profile-model.ts';
import type { Progress } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { fullJitterDelayMs } from '../shared/runtime/retry.ts';
import { atMostEvery } from '../shared/runtime/throttle.ts';
import type { LoadedModel } from './loaded-model.ts';

/**
 * Measures the profile that this device was asked for, and offers it until it is published. What was measured is kept
 * until then: after a restart it goes on from there.
 * INVARIANT: one is measured at a time; of several that are asked for meanwhile, the newest is next.
 */
export interface ProfileDuty {
  /** @param model undefined: none is asked for any longer; what is being measured is finished */
  want(model: LoadedModel | undefined): void;
  close(): Promise<void>;
}

export interface ProfileDutyOptions {
  client: Pick<ControlPlaneClient, 'putProfile'>;
  hardwareClass: string;
  runs: number;
  budgetMs: number;
  drafts: ProfileDrafts;
  /** About once a second while it measures. */
  onProgress: (progress: Progress) => void;
  /** Told when it no longer measures, for now at least. */
  onEnd: () => void;
  clock: Clock;
  log: Log;
}

const progressMs = 1000;
const maxRetryDelayMs = 30_000;

export function createProfileDuty(options: ProfileDutyOptions): ProfileDuty {
  const { clock, log } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  let wanted: LoadedModel | undefined;
  let running: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let failures = 0; wanted !== undefined && !signal.aborted; ) {
      const model = wanted;
      try {
        await measureAndPublish(model, options, signal);
        failures = 0;
        if (wanted === model) wanted = undefined;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.error({ failures, reason: messageOf(error) }, 'profiling failed');
        await wait(fullJitterDelayMs(failures, maxRetryDelayMs, Math.random), clock, signal);
      }
    }
  }

  return {
    want(model) {
      wanted = model;
      running ??= work().finally(() => {
        running = undefined;
      });
    },
    async close() {
      stopped.abort();
      await running;
    },
  };
}

/**
 * A thread of its own: the sessions of some two hundred segments must not push out those in service.
 */
async function measureAndPublish(model: LoadedModel, options: ProfileDutyOptions, signal: AbortSignal): Promise<void> {
  const { hardwareClass, runs, budgetMs, drafts, client, clock, log } = options;
  const { digest } = model.package.manifest;
  const thread = startInferenceThread({ maxSessions: profilingSessions });
  const tell = atMostEvery(progressMs, clock, (progress: Progress) => {
    log.info(progress, 'profiling');
    options.onProgress(progress);
  });
  try {
    const profile = await profileModel({
      thread,
      graph: model.package.graph,
      shapes: model.shapes,
      digest,
      tier: 'device',
      hardwareClass,
      threads: 1,
      runs,
      budgetMs,
      drafts,
      onProgress: (done, total) => tell({ done, total }),
      signal,
      clock,
    });
    await client.putProfile(profile, signal);
    await drafts.drop(digest);
    log.info({ hardwareClass }, 'profile published');
  } finally {
    await thread.close();
    if (!signal.aborted) options.onEnd();
  }
}

function wait(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(delayMs, resolve);
    const finish = (): void => {
      cancel();
      resolve();
    };
    signal.addEventListener('abort', finish, { once: true });
  });
}
