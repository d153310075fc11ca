import { readConfig } from '../shared/runtime/config.ts';
import { describeFailure, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import { createLog, type Log } from '../shared/runtime/log.ts';
import { announceReady } from '../shared/runtime/ready-line.ts';
import { edgeWorkerConfigSchema } from './config.ts';
import { startEdgeWorker } from './create-worker.ts';

/** The edge worker as a process: settings from the environment, SIGTERM or SIGINT drains it and ends it. */
async function main(): Promise<void> {
  const config = readConfig(edgeWorkerConfigSchema, process.env);
  const log = createLog('edge-worker', config.logLevel);
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) =>
    stop.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  process.once('SIGTERM', () => stop.abort());
  process.once('SIGINT', () => stop.abort());
  const onLost = (): void => {
    if (stop.signal.aborted) return;
    // Threads cannot be mended from here: a supervisor starts the process anew.
    log.fatal('an inference thread ended by itself');
    process.exitCode = 1;
    stop.abort();
  };
  await serveUntil(stopped, { config, log, signal: stop.signal, onLost });
}

async function serveUntil(stopped: Promise<void>, options: Parameters<typeof startEdgeWorker>[0]): Promise<void> {
  const { config, log, signal } = options;
  try {
    const worker = await startEdgeWorker(options);
    void worker.ready.then(() => announceReady({ worker: config.id }));
    await stopped;
    await worker.close();
  } catch (error) {
    if (!signal.aborted) fail(log, error);
  }
}

function fail(log: Log, error: unknown): void {
  log.fatal({ code: isFleetError(error) ? error.code : 'internal', reason: messageOf(error) }, 'the worker cannot run');
  process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`worker: ${describeFailure(error)}`);
  process.exitCode = 1;
});
