import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock } from '../shared/runtime/clock.ts';
import { describeFailure, FleetError, messageOf } from '../shared/runtime/errors.ts';
import { createLog } from '../shared/runtime/log.ts';
import { announceReady } from '../shared/runtime/ready-line.ts';
import { readBrokerConfig } from './config.ts';
import { createBroker } from './create-broker.ts';

async function main(): Promise<void> {
  const config = readBrokerConfig(process.env);
  const log = createLog('broker', config.logLevel);
  const { publicKeyFile } = config;
  const key = publicKeyFile === undefined ? {} : { publicKey: readKey(publicKeyFile) };
  const broker = createBroker({ config, ...key, log, clock: systemClock });
  await broker.start();
  announceReady({ ...broker.addresses() });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal, ...broker.stats() }, 'closing');
      broker.close().then(
        () => process.exit(0),
        (error) => fail(error),
      );
    });
  }
}

function readKey(path: string): KeyObject {
  try {
    return createPublicKey(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new FleetError('config-invalid', `publicKeyFile: ${messageOf(error)}`, { cause: error });
  }
}

function fail(error: unknown): never {
  process.stderr.write(`broker: ${describeFailure(error)}`);
  process.exit(1);
}

main().catch(fail);
