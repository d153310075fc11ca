import type { Plan } from '../shared/planner/plan.ts';
import { encodings } from '../shared/protocol/tensor-encoding.ts';
import { directions } from '../shared/protocol/tensor-frame.ts';
import { FleetError } from '../shared/runtime/errors.ts';

/**
 * @param text exit,partition[,encoding[,direction]], e.g. "5,4,u8,edge-first"
 * @returns what it says of a plan; what it leaves out is planned
 * @throws {FleetError} `config-invalid`
 */
export function parseForcedPlan(text: string): Partial<Plan> {
  const [exit, partition, encodingName, directionName, ...rest] = text.split(',');
  const forced: Partial<Plan> = { exit: Number(exit), partition: Number(partition) };
  const encoding = memberOf(encodings, encodingName, text);
  const direction = memberOf(directions, directionName, text);
  if (!Number.isInteger(forced.exit) || !Number.isInteger(forced.partition) || rest.length > 0) {
    throw new FleetError('config-invalid', `plan "${text}": expected exit,partition[,encoding[,direction]]`);
  }
  return { ...forced, ...(encoding && { encoding }), ...(direction && { direction }) };
}

function memberOf<T extends string>(list: readonly T[], name: string | undefined, text: string): T | undefined {
  if (name === undefined) return undefined;
  const member = list.find((each) => each === name);
  if (member === undefined) throw new FleetError('config-invalid', `plan "${text}": ${name} is none of ${list}`);
  return member;
}
