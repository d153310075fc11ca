import { FleetError } from '../runtime/errors.ts';
import { requireAtLeastZero, requirePositive } from './require-number.ts';
import { transferMs } from './wire-bytes.ts';

/** The branch of exit point i as the paper's algorithm reads it; index j − 1 of each list belongs to layer L_j. */
export interface PrintedBranch {
  /** ES_j = f_edge(L_j), ms. */
  edgeMs: readonly number[];
  /** ED_j = f_device(L_j), ms. */
  deviceMs: readonly number[];
  /** D_j, the layer's output, bytes. */
  outputBytes: readonly number[];
}

export interface PrintedInput {
  /** The branches of exit points 1..M. */
  branches: readonly PrintedBranch[];
  /** Input, bytes. */
  inputBytes: number;
  /** B, one for both ways, Mbit/s. */
  bandwidthMbps: number;
  /** Latency, ms. */
  latencyMs: number;
}

export interface PrintedSelection {
  /** i, 1..M */
  exit: number;
  /** p, 1..N_i: the edge server runs layers 1..p − 1, the device p..N_i. */
  partition: number;
  /** A_{i,p}, ms. */
  totalMs: number;
}

/**
 * Algorithm 1 to the letter: exits i = M..1, for each the p of least
 *
 *   A_{i,p} = Σ_{j=1}^{p−1} ES_j + Σ_{k=p}^{N_i} ED_k + Input/B + D_{p−1}/B,   p = 1..N_i,
 *
 * and the first exit with A_{i,p} ≤ Latency. It knows no rtt, no queue, no encoding, no margin and no rescue.
 *
 * As printed, p = 1 leaves the edge server no layer: the device runs everything, and yet Input/B + D_0/B is charged.
 * The paper gives D_j for j = 1..N_i alone; D_0, what is there before layer 1, can only be the input, so D_0 = Input
 * and running on the device alone costs sending the input there and back. Nor can the edge server run everything:
 * p = N_i still leaves the last layer to the device. The platform's own search has both ends for what they cost;
 * this one is a reference for tests and experiments.
 * @returns null where no exit meets the latency requirement; of equal partitions the first
 * @throws {FleetError} `planning-input-invalid`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 1
 */
export function planAsPrinted(input: PrintedInput): PrintedSelection | null {
  requirePositive('bandwidthMbps', input.bandwidthMbps);
  requireAtLeastZero('latencyMs', input.latencyMs);
  requireAtLeastZero('inputBytes', input.inputBytes);
  for (const [index, branch] of input.branches.entries()) checkBranch(branch, index + 1);
  for (let exit = input.branches.length; exit >= 1; exit -= 1) {
    const branch = input.branches[exit - 1];
    const best = branch && leastPartition(branch, input);
    if (best !== undefined && best.totalMs <= input.latencyMs) return { exit, ...best };
  }
  return null;
}

function checkBranch({ edgeMs, deviceMs, outputBytes }: PrintedBranch, exit: number): void {
  if (edgeMs.length !== deviceMs.length || edgeMs.length !== outputBytes.length) {
    const counts = [edgeMs, deviceMs, outputBytes].map(({ length }) => length);
    throw new FleetError('planning-input-invalid', `exit ${exit}: ES, ED and D have ${counts.join(', ')} layers`);
  }
  for (const value of [...edgeMs, ...deviceMs, ...outputBytes]) requireAtLeastZero(`a layer of exit ${exit}`, value);
}

/** argmin over p of A_{i,p}; undefined for a branch without layers */
function leastPartition(
  { edgeMs, deviceMs, outputBytes }: PrintedBranch,
  { inputBytes, bandwidthMbps }: PrintedInput,
): Omit<PrintedSelection, 'exit'> | undefined {
  const layers = edgeMs.length; // N_i
  let best: Omit<PrintedSelection, 'exit'> | undefined;
  for (let p = 1; p <= layers; p += 1) {
    const onEdge = sum(edgeMs.slice(0, p - 1)); // Σ_{j=1}^{p−1} ES_j
    const onDevice = sum(deviceMs.slice(p - 1)); // Σ_{k=p}^{N_i} ED_k
    const cutBytes = p === 1 ? inputBytes : (outputBytes[p - 2] ?? 0); // D_{p−1}
    const totalMs = onEdge + onDevice + transferMs(inputBytes, bandwidthMbps) + transferMs(cutBytes, bandwidthMbps);
    if (best === undefined || totalMs < best.totalMs) best = { partition: p, totalMs };
  }
  return best;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
