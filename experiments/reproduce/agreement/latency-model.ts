import { calibrate } from '../../../shared/adapters/calibration.ts';
import { startInferenceThread } from '../../../shared/adapters/inference-thread.ts';
import { hardwareClass, profilingSessions } from '../../../shared/adapters/profile-model.ts';
import { fitLatencyModel, type LatencyModel } from '../../../shared/planner/fit-latency-model.ts';
import { ProfileSchema } from '../../../shared/protocol/profile.ts';
import { openModel } from '../../regressions/known-models.ts';
import type { ExperimentContext } from '../experiment.ts';

/**
 * Measures the calibration model on this machine and fits latency to it.
 * @returns regressions that no time of a shipped model has gone into
 * @throws {FleetError} what `calibrate` and `fitLatencyModel` throw
 */
export async function calibratedModel({ point, progress, scale }: ExperimentContext): Promise<LatencyModel> {
  const profile = await point(
    { what: 'calibration', runs: scale.agreement.calibrationRuns },
    ProfileSchema,
    async () => {
      progress('measuring the calibration model on this machine');
      const thread = startInferenceThread({ maxSessions: profilingSessions });
      try {
        const { calibrationRuns: runs } = scale.agreement;
        return (await calibrate({ thread, tier: 'device', hardwareClass: hardwareClass(), threads: 1, runs })).profile;
      } finally {
        await thread.close();
      }
    },
  );
  const { description, digest } = await openModel('calibration');
  return fitLatencyModel([{ profile, description, digest }]);
}
