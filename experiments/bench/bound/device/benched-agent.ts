import { createDeviceAgent } from '../../../../device-agent/agent.ts';
import { type DeviceConfig, DeviceConfigSchema } from '../../../../device-agent/config.ts';
import type { Plan } from '../../../../shared/planner/plan.ts';
import type { FrameResult } from '../../../../shared/protocol/frame-result.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { readConfig, toEnvironment } from '../../../../shared/runtime/config.ts';
import { FleetError } from '../../../../shared/runtime/errors.ts';
import { createLog } from '../../../../shared/runtime/log.ts';
import type { DeviceStart } from '../bed-messages.ts';

/** A device agent as it ships, that runs one frame when it is told to. */
export interface BenchedAgent {
  /** @param plan null: as the device plans itself @throws {FleetError} `experiment-failed` where it comes to nothing */
  frame(plan: Plan | null): Promise<FrameResult>;
  stop(): Promise<void>;
}

export async function startBenchedAgent(settings: DeviceStart): Promise<BenchedAgent> {
  let forced: Plan | undefined;
  const seen: FrameResult[] = [];
  const agent = await createDeviceAgent({
    config: configOf(settings),
    clock: systemClock,
    log: createLog(settings.id, 'error'),
    forcedPlan: () => forced,
    onResult: (result) => void seen.push(result),
  });
  await agent.start();
  return {
    async frame(plan) {
      forced = plan ?? undefined;
      seen.length = 0;
      await agent.run();
      const [result] = seen;
      if (result === undefined) throw new FleetError('experiment-failed', 'a frame came to nothing');
      return result;
    },
    stop: agent.stop,
  };
}

function configOf(settings: DeviceStart): DeviceConfig {
  const { id, controlPlaneUrl, brokerUrl, enrolmentToken, dataFolder, processorFactor } = settings;
  return readConfig(
    DeviceConfigSchema,
    toEnvironment({
      id,
      controlPlaneUrl,
      brokerUrl,
      enrolmentToken,
      dataFolder,
      processorFactor,
      framesPerSecond: 1000,
      maxFrames: 1,
    }),
  );
}
