import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readCifar10 } from '../../shared/adapters/cifar10.ts';
import { imagePaths } from '../../shared/adapters/images.ts';
import { isCalibratedFor } from '../../shared/model/early-exit.ts';
import { readManifest } from '../../shared/model/model-package.ts';
import { parseTraces } from '../../shared/planner/bandwidth-trace.ts';
import { requirePlanOf } from '../../shared/planner/forced-plan.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { shippedModelsFolder } from '../options.ts';

export interface StartInputs {
  model: string;
  images?: string;
  trace?: readonly string[];
  plan?: string;
  earlyExit?: number;
}

/**
 * Looks at what a start is given before any process is started: a device that finds out by itself can only crash.
 * @throws {FleetError} `not-found`, `data-missing`, `image-unreadable`, `trace-unreadable`, `model-unknown-exit`,
 *   `partition-out-of-range`, `early-exit-uncalibrated`
 */
export async function checkInputs({ model, images, trace = [], plan, earlyExit }: StartInputs): Promise<void> {
  const packages = readdirSync(shippedModelsFolder);
  if (!packages.includes(model)) {
    throw new FleetError('not-found', `--model: no package "${model}"; there are ${packages.join(', ')}`);
  }
  const manifest = await readManifest(join(shippedModelsFolder, model));
  if (plan !== undefined) requirePlanOf(manifest, plan);
  if (earlyExit !== undefined && !isCalibratedFor(manifest, earlyExit)) {
    throw new FleetError(
      'early-exit-uncalibrated',
      `--early-exit: ${model} has no thresholds for a loss of ${earlyExit}`,
    );
  }
  if (images !== undefined) await checkImages(images);
  for (const file of trace) {
    requireFile('--trace', file);
    parseTraces(basename(file), readFileSync(file, 'utf8'));
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
