import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { describeModel } from '../../shared/model/describe-model.ts';
import { readPackage } from '../../shared/model/model-package.ts';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { buildConfigurationMap } from '../../shared/planner/algorithm-2.ts';
import { assumedConditions } from '../../shared/planner/assumed-conditions.ts';
import { modelShape } from '../../shared/planner/model-shape.ts';
import { preparePlans } from '../../shared/planner/prepared-plans.ts';
import type { ConfigurationMap } from '../../shared/protocol/configuration-map.ts';
import { withRevision } from '../../shared/protocol/map-revision.ts';
import { type Policy, policyParser } from '../../shared/protocol/messages.ts';
import { latencyTable } from '../../shared/protocol/profile.ts';
import { statesFileParser } from '../../shared/protocol/states-file.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requirePlaceFor } from '../out-file.ts';
import { printMap } from './map-show.ts';
import { printJson } from './print.ts';
import { readInput } from './read-input.ts';
import { profiledShape, readProfile } from './read-profile.ts';

export interface BuildMapOptions {
  readonly model: string;
  readonly deviceProfile: string;
  readonly workerProfile: string;
  readonly states: string;
  readonly deadline: number;
  readonly margin: number;
  readonly minimumAccuracy: number;
  readonly objective: Policy['objective'];
  readonly encodings: Policy['encodings'];
  readonly directions: Policy['directions'];
  readonly rtt: number;
  readonly processorFactor: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** `edgent map build`. */
export async function buildMapCommand(options: BuildMapOptions): Promise<void> {
  await requirePlaceFor(options.out);
  const map = await buildMap(options);
  if (options.out !== undefined) await writeAtomically(options.out, `${JSON.stringify(map, null, 2)}\n`);
  if (options.json) printJson(map);
  else printMap(map);
}

/**
 * @throws {FleetError} `profile-mismatch`, `profile-unusable`, `configuration-map-impossible`; what reading the package,
 *   the profiles and the states throws
 */
async function buildMap(options: BuildMapOptions): Promise<ConfigurationMap> {
  const { graph, manifest } = await readPackage(options.model);
  const { states } = await readInput(options.states, statesFileParser);
  const description = describeModel(graph, await traceShapes(graph));
  const profiled = profiledShape(manifest.digest, description);
  const device = await readProfile(options.deviceProfile, 'device', profiled);
  const worker = await readProfile(options.workerProfile, 'worker', profiled);
  const plans = preparePlans({
    model: modelShape(description, manifest),
    device: latencyTable(device),
    worker: latencyTable(worker),
  });
  const { processorFactor, rtt: rttMs } = options;
  const input = { ...assumedConditions({ policy: policyOf(options), processorFactor, rttMs }), plans };
  const result = buildConfigurationMap({ input, states, revision: '' });
  if (result.kind === 'no-plan') throw new FleetError('configuration-map-impossible', result.reason);
  return withRevision({
    ...result.map,
    madeFor: {
      model: { name: manifest.name, digest: manifest.digest, layers: profiled.exits.map(({ layers }) => layers) },
      deviceClass: device.hardwareClass,
      workerClass: worker.hardwareClass,
    },
  });
}

function policyOf(options: BuildMapOptions): Policy {
  const { deadline, margin, minimumAccuracy, objective, encodings, directions } = options;
  return policyParser.parse({
    name: 'map',
    version: 1,
    deadlineMs: deadline,
    minimumAccuracy,
    accuracyTolerance: 0.005,
    encodings,
    directions,
    marginMs: margin,
    objective,
  });
}
