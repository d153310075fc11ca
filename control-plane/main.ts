import { systemClock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import { createLog, type Log } from '../shared/runtime/log.ts';
import { announceReady } from '../shared/runtime/ready-line.ts';
import { createControlPlane } from './app.ts';
import { readControlPlaneConfig } from './config.ts';

async function main(): Promise<void> {
  const config = readControlPlaneConfig(process.env);
  const log = createLog('control-plane', config.logLevel);
  const controlPlane = await createControlPlane({ config, clock: systemClock, log });
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    controlPlane.close().catch((error: unknown) => fail(log, error));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const { publicKeyFile, tokenFiles } = controlPlane;
  try {
    announceReady({ http: await controlPlane.listen(), publicKeyFile, ...tokenFiles });
  } catch (error) {
    await controlPlane.close();
    throw error;
  }
}

function fail(log: Log, error: unknown): void {
  log.fatal({ code: isFleetError(error) ? error.code : 'internal' }, messageOf(error));
  process.exitCode = 1;
}

main().catch((error: unknown) => fail(createLog('control-plane'), error));
