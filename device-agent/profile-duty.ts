import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { profileModel } from '../shared/adapters/profile-model.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { LoadedModel } from './loaded-model.ts';

export interface ProfileDutyOptions {
  client: Pick<ControlPlaneClient, 'putProfile'>;
  hardwareClass: string;
  runs: number;
  signal: AbortSignal;
  log: Log;
}

/** How often progress is told while a profile is measured: every so many segments. */
const progressStep = 25;

/**
 * Measures the model on this device's hardware class and publishes the profile. A thread of its own: the
 * sessions of some two hundred segments must not push out those in service.
 */
export async function measureAndPublish(model: LoadedModel, options: ProfileDutyOptions): Promise<void> {
  const { log } = options;
  const thread = startInferenceThread({ maxSessions: 2 });
  try {
    const profile = await profileModel({
      thread,
      graph: model.package.graph,
      shapes: model.shapes,
      digest: model.package.manifest.digest,
      tier: 'device',
      hardwareClass: options.hardwareClass,
      threads: 1,
      runs: options.runs,
      onProgress: (done, total) => {
        if (done % progressStep === 0 || done === total) log.info({ done, total }, 'profiling');
      },
      signal: options.signal,
    });
    await options.client.putProfile(profile, options.signal);
    log.info({ hardwareClass: options.hardwareClass }, 'profile published');
  } finally {
    await thread.close();
  }
}
