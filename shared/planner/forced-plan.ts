import type { Manifest } from '../model/manifest.ts';
import { directions } from '../protocol/tensor-frame.ts';
import { isImageEncoding, wireEncodings } from '../protocol/wire-encoding.ts';
import { FleetError } from '../runtime/errors.ts';
import type { Plan } from './plan.ts';

/**
 * @param text exit,partition[,encoding[,direction]], e.g. "5,4,u8,edge-first"
 * @returns what it says of a plan; what it leaves out is planned
 * @throws {FleetError} `config-invalid`
 */
export function parseForcedPlan(text: string): Partial<Plan> {
  const [exit, partition, encodingName, directionName, ...rest] = text.split(',');
  const forced: Partial<Plan> = { exit: Number(exit), partition: Number(partition) };
  const encoding = memberOf(wireEncodings, encodingName, text);
  const direction = memberOf(directions, directionName, text);
  if (!Number.isInteger(forced.exit) || !Number.isInteger(forced.partition) || rest.length > 0) {
    throw new FleetError('config-invalid', `plan "${text}": expected exit,partition[,encoding[,direction]]`);
  }
  return { ...forced, ...(encoding && { encoding }), ...(direction && { direction }) };
}

/**
 * @param text a plan that `parseForcedPlan` reads
 * @throws {FleetError} `model-unknown-exit`, `partition-out-of-range`, `config-invalid` where no such plan of the model exists, whatever
 *   the policy
 */
export function requirePlanOf(manifest: Pick<Manifest, 'exits' | 'imageEncodings'>, text: string): void {
  const { exits, imageEncodings } = manifest;
  const { exit = 0, partition = 0, direction, encoding = 'f32' } = parseForcedPlan(text);
  const layers = exits[exit - 1]?.nodes;
  if (layers === undefined) {
    throw new FleetError('model-unknown-exit', `--plan ${text}: exits are 1 to ${exits.length}`);
  }
  if (partition > layers) {
    throw new FleetError('partition-out-of-range', `--plan ${text}: partitions of exit ${exit} are 0 to ${layers}`);
  }
  if (isImageEncoding(encoding) && (partition > 0 || imageEncodings?.[encoding] === undefined)) {
    const why = partition > 0 ? 'the input alone, of partition 0, may be' : 'the model has not been measured with';
    throw new FleetError('config-invalid', `--plan ${text}: ${why} an image in ${encoding}`);
  }
  // At either end one side runs everything, which is written device-first.
  if (direction === 'edge-first' && (partition === 0 || partition === layers)) {
    const between = `1 to ${layers - 1}`;
    throw new FleetError(
      'partition-out-of-range',
      `--plan ${text}: edge-first, partitions of exit ${exit} are ${between}`,
    );
  }
}

function memberOf<T extends string>(list: readonly T[], name: string | undefined, text: string): T | undefined {
  if (name === undefined) return undefined;
  const member = list.find((each) => each === name);
  if (member === undefined) throw new FleetError('config-invalid', `plan "${text}": ${name} is none of ${list}`);
  return member;
}
