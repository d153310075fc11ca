import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readCifar10 } from '../../shared/adapters/cifar10.ts';
import { imagePaths } from '../../shared/adapters/images.ts';
import { readManifest } from '../../shared/model/model-package.ts';
import { parseTraces } from '../../shared/planner/bandwidth-trace.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { shippedModelsFolder } from '../options.ts';

export interface StartInputs {
  model: string;
  images?: string;
  trace?: readonly string[];
  plan?: string;
}

/**
 * Looks at what a start is given before any process is started: a device that finds out by itself can only crash.
 * @throws {FleetError} `not-found`, `data-missing`, `image-unreadable`, `trace-unreadable`, `partition-out-of-range`
 */
export async function checkInputs({ model, images, trace = [], plan }: StartInputs): Promise<void> {
  const packages = readdirSync(shippedModelsFolder);
  if (!packages.includes(model)) {
    throw new FleetError('not-found', `--model: no package "${model}"; there are ${packages.join(', ')}`);
  }
  if (plan !== undefined) await checkPlan(join(shippedModelsFolder, model), plan);
  if (images !== undefined) await checkImages(images);
  for (const file of trace) {
    requireFile('--trace', file);
    parseTraces(basename(file), readFileSync(file, 'utf8'));
  }
}

async function checkPlan(packageFolder: string, plan: string): Promise<void> {
  const { exits } = await readManifest(packageFolder);
  const [exit, partition] = plan.split(',').map(Number);
  const nodes = exits[(exit ?? 0) - 1]?.nodes;
  if (nodes === undefined) {
    throw new FleetError('partition-out-of-range', `--plan ${plan}: exits are 1 to ${exits.length}`);
  }
  if ((partition ?? 0) > nodes) {
    throw new FleetError('partition-out-of-range', `--plan ${plan}: partitions of exit ${exit} are 0 to ${nodes}`);
  }
  // At either end one side runs everything, which is written device-first.
  if (plan.endsWith(',edge-first') && (partition === 0 || partition === nodes)) {
    const between = `1 to ${nodes - 1}`;
    throw new FleetError(
      'partition-out-of-range',
      `--plan ${plan}: edge-first, partitions of exit ${exit} are ${between}`,
    );
  }
}

async function checkImages(path: string): Promise<void> {
  requireFile('--images', path);
  if (statSync(path).isDirectory()) await imagePaths(path);
  // A compressed file is not unpacked twice.
  else if (!path.endsWith('.xz')) await readCifar10(path, { limit: 1 });
}

function requireFile(option: string, path: string): void {
  if (!existsSync(path)) throw new FleetError('data-missing', `${option}: ${path} does not exist`);
}
