import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { profileModel } from '../shared/adapters/profile-model.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { fullJitterDelayMs } from '../shared/runtime/retry.ts';
import type { LoadedModel } from './loaded-model.ts';

/**
 * Measures the profile that this device was asked for, again until it is published.
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
  clock: Clock;
  log: Log;
}

/** How often progress is told while a profile is measured: every so many segments. */
const progressStep = 25;
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
  const { hardwareClass, runs, client, log } = options;
  const thread = startInferenceThread({ maxSessions: 2 });
  try {
    const profile = await profileModel({
      thread,
      graph: model.package.graph,
      shapes: model.shapes,
      digest: model.package.manifest.digest,
      tier: 'device',
      hardwareClass,
      threads: 1,
      runs,
      onProgress: (done, total) => {
        if (done % progressStep === 0 || done === total) log.info({ done, total }, 'profiling');
      },
      signal,
    });
    await client.putProfile(profile, signal);
    log.info({ hardwareClass }, 'profile published');
  } finally {
    await thread.close();
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
