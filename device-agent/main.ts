import { createInterface } from 'node:readline';
import { systemClock } from '../shared/runtime/clock.ts';
import { readConfig } from '../shared/runtime/config.ts';
import { createLog } from '../shared/runtime/log.ts';
import { announceReady } from '../shared/runtime/ready-line.ts';
import { createDeviceAgent } from './agent.ts';
import { DeviceConfigSchema } from './config.ts';

const config = readConfig(DeviceConfigSchema, process.env);
const log = createLog(`device ${config.id}`, config.logLevel);
const agent = await createDeviceAgent({
  config,
  clock: systemClock,
  log,
  onResult: (result) => void process.stdout.write(`${JSON.stringify(result)}\n`),
});

async function stop(): Promise<void> {
  await agent.stop();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());

await agent.start();
announceReady({ device: config.id });
if (config.waitForStart) {
  await new Promise<void>((resolve) => createInterface({ input: process.stdin }).once('line', () => resolve()));
  process.stdin.unref();
}
await agent.run();
await stop();
