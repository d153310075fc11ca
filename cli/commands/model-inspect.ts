import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import type { DescribedBranch, DescribedCut, DescribedLayer } from '../../shared/model/describe-model.ts';
import { describeModel } from '../../shared/model/describe-model.ts';
import { encodedBytes } from '../../shared/protocol/tensor-encoding.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { type ModelSource, openModel } from './model-source.ts';
import { printJson, printLine, printTable } from './print.ts';

export interface InspectOptions {
  readonly exit?: string;
  readonly json?: boolean;
}

/** `edgent model inspect`. */
export async function inspectCommand(path: string, { exit, json }: InspectOptions): Promise<void> {
  const source = await openModel(path);
  const { inputs, branches } = describeModel(source.graph, await traceShapes(source.graph));
  const chosen = exit === undefined ? branches : branches.filter((branch) => branch.exit === exit);
  if (chosen.length === 0) {
    throw new FleetError('model-unknown-exit', `no exit ${exit}; there are ${source.graph.exits.join(', ')}`);
  }
  if (json) {
    const { manifest, digest } = source;
    const about = { name: manifest?.name, version: manifest?.version, digest };
    printJson({ ...about, inputs, exits: chosen.map((branch) => toJson(branch, source)) });
    return;
  }
  printLine(`${path}  ${source.digest}`);
  printExits(chosen, source);
  for (const branch of chosen) printBranch(branch, source);
}

function toJson(branch: DescribedBranch, source: ModelSource): object {
  const entry = source.manifest?.exits.find(({ name }) => name === branch.exit);
  return {
    name: branch.exit,
    paperLayers: entry?.paperLayers,
    nodes: branch.layers.length,
    accuracy: entry?.accuracy,
    encodedAccuracy: entry?.encodedAccuracy,
    parameters: branch.parameterCount,
    parameterBytes: branch.parameterBytes,
    flops: branch.flops,
    layers: branch.layers,
    cuts: branch.cuts.map((cut) => ({ ...cut, f16Bytes: sizeOf(cut, 'f16'), u8Bytes: sizeOf(cut, 'u8') })),
  };
}

function printExits(branches: readonly DescribedBranch[], { manifest }: ModelSource): void {
  const rows = branches.map((branch) => {
    const entry = manifest?.exits.find(({ name }) => name === branch.exit);
    const accuracy = entry?.accuracy;
    return [
      branch.exit,
      `${branch.layers.length}`,
      `${entry?.paperLayers ?? ''}`,
      grouped(branch.parameterCount),
      millions(branch.flops),
      accuracy === undefined ? '' : `${(100 * accuracy.top1).toFixed(2)} % of ${grouped(accuracy.images)}`,
    ];
  });
  printTable(['exit', 'nodes', 'paper layers', 'parameters', 'MFLOP', 'accuracy'], rows, [1, 2, 3, 4]);
}

/** One row a partition point: the layer before it and the cut behind that layer. */
function printBranch({ exit, layers, cuts }: DescribedBranch, { manifest }: ModelSource): void {
  const columns = ['p', 'layer', 'operator', 'type', 'settings', 'parameters', 'MFLOP', 'cut behind it'];
  const head = [...columns, 'f32 B', 'u8 B', 'u8 accuracy'];
  const accuracies = manifest?.exits.find(({ name }) => name === exit)?.encodedAccuracy?.u8;
  const rows = cuts.map((cut) => {
    const layer = layers[cut.partition - 1];
    const tensors = cut.tensors.map(({ name, dims }) => `${name} [${dims.join('×')}]`).join('\n');
    const accuracy = accuracies?.[cut.partition];
    const shown = accuracy === undefined ? '' : `${(100 * accuracy).toFixed(2)} %`;
    return [...layerCells(layer), tensors, grouped(cut.bytes), grouped(sizeOf(cut, 'u8')), shown];
  });
  printLine(`\n${exit}: ${layers.length} layers, ${cuts.length} partition points`);
  printTable(head, rows, [0, 5, 6, 8, 9, 10]);
}

function layerCells(layer: DescribedLayer | undefined): string[] {
  if (layer === undefined) return ['0', '(input)', '', '', '', '', ''];
  const { kernel, stride, filters, size } = layer.settings;
  const settings = [
    kernel && `${kernel.join('×')}/${stride?.join('×')}`,
    filters && `${filters} filters`,
    size && `size ${size}`,
  ];
  const parameters = layer.parameterCount > 0 ? grouped(layer.parameterCount) : '';
  const described = settings.filter(Boolean).join(', ');
  return [`${layer.index}`, layer.name, layer.op, layer.type, described, parameters, millions(layer.flops)];
}

function sizeOf(cut: DescribedCut, encoding: 'f16' | 'u8'): number {
  return cut.tensors.reduce((sum, { elements }) => sum + encodedBytes(encoding, elements), 0);
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}

function millions(flops: number): string {
  return (flops / 1e6).toFixed(3);
}
