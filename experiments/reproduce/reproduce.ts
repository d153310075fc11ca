import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { hardwareClass } from '../../shared/adapters/profile-model.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { readCode } from './code-version.ts';
import { type DataFile, writeDataFile } from './data-file.ts';
import type { Experiment, ExperimentContext } from './experiment.ts';
import { createPointStore, type MeasuredPoint, type PointStore } from './points.ts';
import { writeReport } from './report/write-report.ts';
import type { Scale } from './scale.ts';
import type { StartPlatform } from './test-bed.ts';
import { createTestBeds } from './test-beds.ts';

export interface ReproduceOptions {
  /** Every experiment that the report tells of. */
  experiments: readonly Experiment[];
  /** Names of those that are run; the others are told of as far as the folder has their data. */
  chosen: readonly string[];
  scale: Scale;
  /** Receives data files, pictures and report. */
  outFolder: string;
  /** Keeps what was measured, for a run that was interrupted. */
  stateFolder: string;
  dataFolder: string;
  /** Measures everything anew. */
  fresh: boolean;
  startPlatform: StartPlatform;
  /** Stops before the next point. */
  signal: AbortSignal;
  /** Tells people how far it is. */
  progress: (text: string) => void;
}

/**
 * Runs experiments and writes the report. What was measured before is not measured again, unless it was in another
 * scale, on another class of machine or with other inputs.
 * @returns the paths of the report's files
 * @throws {FleetError} `experiment-stopped` when `signal` fires, `experiment-failed`, `process-failed`, `http-failed`
 */
export async function reproduce(options: ReproduceOptions): Promise<string[]> {
  const { experiments, outFolder, stateFolder } = options;
  const code = await readCode();
  const store = createPointStore({
    folder: join(stateFolder, 'points'),
    hardwareClass: hardwareClass(),
    fresh: options.fresh,
    code,
    clock: systemClock,
  });
  const beds = createTestBeds(join(stateFolder, 'platforms'), options.startPlatform);
  try {
    const chosen = experiments.filter(({ name }) => options.chosen.includes(name));
    for (const [index, experiment] of chosen.entries()) {
      const progress = (text: string): void => {
        options.progress(`[${index + 1}/${chosen.length}] ${experiment.name}: ${text}`);
      };
      await writeDataFile(outFolder, await runOne(experiment, { ...options, code, progress }, store, beds.use));
      progress('done');
    }
  } finally {
    await beds.close();
  }
  return writeReport({ folder: outFolder, experiments, code });
}

async function runOne(
  experiment: Experiment,
  { scale, dataFolder, progress, signal, code }: ReproduceOptions & { code: string | null },
  store: PointStore,
  testBed: ExperimentContext['testBed'],
): Promise<DataFile> {
  const points = new Map<string, Origin>();
  const data = await experiment.run({
    scale,
    dataFolder,
    async point(inputs, schema, measure) {
      if (signal.aborted) throw new FleetError('experiment-stopped', 'asked to stop');
      const point = await store.take(inputs, schema, measure);
      points.set(JSON.stringify(inputs), point);
      return point.value;
    },
    testBed,
    progress,
  });
  const origins = [...points.values()];
  return {
    schema: 1,
    experiment: experiment.name,
    scale: scale.name,
    measuredAt:
      origins
        .map((point) => point.measuredAt)
        .toSorted()
        .at(-1) ?? '',
    code,
    takenOver: takenOver(origins, code),
    machine: machine(),
    data,
  };
}

type Origin = Omit<MeasuredPoint<unknown>, 'value'>;

/** @returns how many points each other code had measured */
export function takenOver(points: readonly Origin[], code: string | null): NonNullable<DataFile['takenOver']> {
  const others = points.filter((point) => point.code !== code);
  const codes = [...new Set(others.map((point) => point.code))];
  return codes.map((other) => ({
    ...(other === undefined ? {} : { code: other }),
    points: others.filter((point) => point.code === other).length,
  }));
}

function machine(): DataFile['machine'] {
  return {
    hardwareClass: hardwareClass(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}
