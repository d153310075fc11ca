import { createInterface } from 'node:readline';
import type { FrameFailure, FrameResult } from '../shared/protocol/frame-result.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { readConfig } from '../shared/runtime/config.ts';
import { describeFailure } from '../shared/runtime/errors.ts';
import { createLog } from '../shared/runtime/log.ts';
import { onReaderGone } from '../shared/runtime/reader-gone.ts';
import { announceReady } from '../shared/runtime/ready-line.ts';
import { createDeviceAgent } from './agent.ts';
import { DeviceConfigSchema } from './config.ts';

async function main(): Promise<void> {
  const config = readConfig(DeviceConfigSchema, process.env);
  const log = createLog(`device ${config.id}`, config.logLevel);
  const print = (line: FrameResult | FrameFailure): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const agent = await createDeviceAgent({
    config,
    clock: systemClock,
    log,
    onResult: print,
    onFailure: print,
  });
  const end = (): void => void agent.stop().then(() => process.exit(), fail);
  onReaderGone(end);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  await agent.start();
  if (config.announceReady) announceReady({ device: config.id });
  if (config.waitForStart) {
    await new Promise<void>((resolve) => createInterface({ input: process.stdin }).once('line', () => resolve()));
    process.stdin.unref();
  }
  await agent.run();
  end();
}

function fail(error: unknown): never {
  process.stderr.write(`device: ${describeFailure(error)}`);
  process.exit(1);
}

main().catch(fail);
