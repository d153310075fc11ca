import { type LayerGraph, makersOf } from '../model/layer-set.ts';

/** @returns all sets of layers, by index 1..N, that hold with each layer those it reads from; each once */
export function closedSets({ layers }: Pick<LayerGraph, 'layers'>): ReadonlySet<number>[] {
  const makers = makersOf(layers);
  let sets: ReadonlySet<number>[] = [new Set()];
  for (const [position, { inputs }] of layers.entries()) {
    const before = inputs.flatMap((name) => makers.get(name) ?? []);
    const grown = sets.filter((set) => before.every((index) => set.has(index)));
    sets = [...sets, ...grown.map((set) => new Set([...set, position + 1]))];
  }
  return sets;
}

/** @returns whether these are layers 1..p of the execution order */
export function isPrefix(layers: ReadonlySet<number>): boolean {
  return Math.max(0, ...layers) === layers.size;
}
