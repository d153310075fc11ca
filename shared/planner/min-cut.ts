/**
 * Minimum cut by Dinic's algorithm for the maximum flow: blocking flows along shortest paths until none is left.
 *
 * Capacities are floats, and no tolerance is needed for it to end: each augmentation takes the narrowest arc of its
 * path down to exactly 0, so that a phase has at most as many augmentations as arcs, and the distance to the sink
 * grows with each phase whatever the rounding. Rounding moves residual capacities by units in their last place: the
 * cut that is found can exceed the least one by about 1e-16 of the capacities an augmentation.
 */

/** A pipe from one node to another; an infinite one is never cut. */
export interface FlowEdge {
  readonly from: number;
  readonly to: number;
  /** At least 0, infinity included. */
  readonly capacity: number;
}

/** INVARIANT some cut is finite: no path of infinite edges leads from source to sink. */
export interface FlowNetwork {
  /** Nodes are 0..nodeCount − 1. */
  readonly nodeCount: number;
  readonly source: number;
  readonly sink: number;
  readonly edges: readonly FlowEdge[];
}

/**
 * @returns the source's side of a cut of least capacity; of several the one with the fewest nodes
 * @see Dinic, "Algorithm for solution of a problem of maximum flow in networks with power estimation", 1970
 */
export function minimumCut(network: FlowNetwork): ReadonlySet<number> {
  const arcs = arcsOf(network);
  for (;;) {
    const levels = levelsFrom(network, arcs);
    if (!levels.has(network.sink)) return new Set(levels.keys());
    blockFlow(network, arcs, levels);
  }
}

/** What can still be pushed: edge e is arc 2e, and arc 2e + 1 takes its flow back, so that arc ^ 1 is an arc's reverse. */
interface Arcs {
  readonly leaving: readonly (readonly number[])[];
  readonly to: readonly number[];
  readonly residual: Float64Array;
}

function arcsOf({ nodeCount, edges }: FlowNetwork): Arcs {
  const leaving: number[][] = Array.from({ length: nodeCount }, () => []);
  const to: number[] = [];
  const residual = new Float64Array(2 * edges.length);
  for (const { from, to: end, capacity } of edges) {
    residual[to.length] = capacity;
    leaving[from]?.push(to.length);
    leaving[end]?.push(to.length + 1);
    to.push(end, from);
  }
  return { leaving, to, residual };
}

/** @returns the nodes that the source still reaches, each with its distance in arcs */
function levelsFrom({ source }: FlowNetwork, { leaving, to, residual }: Arcs): Map<number, number> {
  const levels = new Map([[source, 0]]);
  // A map is walked in the order of its entries, those added on the way included.
  for (const [node, level] of levels) {
    for (const arc of leaving[node] ?? []) {
      const next = to[arc];
      if (next !== undefined && !levels.has(next) && (residual[arc] ?? 0) > 0) levels.set(next, level + 1);
    }
  }
  return levels;
}

/** Augments along paths that go up one level an arc until each of them has a full arc. */
function blockFlow({ source, sink }: FlowNetwork, arcs: Arcs, levels: ReadonlyMap<number, number>): void {
  const { leaving, to, residual } = arcs;
  const tried = new Map<number, number>();
  const path: number[] = [];
  for (let node = source; ; ) {
    if (node === sink) {
      augment(arcs, path);
      node = path.length === 0 ? source : (to[path.at(-1) ?? 0] ?? source);
    }
    const position = tried.get(node) ?? 0;
    const arc = leaving[node]?.[position];
    if (arc === undefined) {
      const back = path.pop();
      if (back === undefined) return;
      node = to[back ^ 1] ?? source;
      tried.set(node, (tried.get(node) ?? 0) + 1);
      continue;
    }
    const next = to[arc] ?? sink;
    if ((residual[arc] ?? 0) > 0 && levels.get(next) === (levels.get(node) ?? 0) + 1) {
      path.push(arc);
      node = next;
    } else {
      tried.set(node, position + 1);
    }
  }
}

/** Pushes what the path's narrowest arc lets through, and shortens the path to where it is full now. */
function augment({ residual }: Arcs, path: number[]): void {
  const pushed = path.reduce((least, arc) => Math.min(least, residual[arc] ?? 0), Number.POSITIVE_INFINITY);
  for (const arc of path) {
    residual[arc] = (residual[arc] ?? 0) - pushed;
    residual[arc ^ 1] = (residual[arc ^ 1] ?? 0) + pushed;
  }
  path.length = path.findIndex((arc) => !((residual[arc] ?? 0) > 0));
}
